// A page with @sentry/browser: its buttons have the errors.
import * as Sentry from "@sentry/browser";

const { dsn, release, environment } = window.SETTINGS;
Sentry.init({ dsn, release, environment, integrations: [Sentry.captureConsoleIntegration({ levels: ["error"] })] });
Sentry.setUser({ id: "42", email: "ada@example.com", ip_address: "10.0.0.7" });
Sentry.setTag("region", "eu");

function charge(order) {
  throw new TypeError(`bad id ${order}`);
}

function findPrice(name) {
  throw new RangeError(`no price of ${name}`);
}

function orderItem(name) {
  try {
    return findPrice(name);
  } catch (error) {
    throw new Error("no such item", { cause: error });
  }
}

function capture(fail) {
  try {
    fail();
  } catch (error) {
    Sentry.captureException(error);
  }
}

const actions = {
  handled: () => capture(() => charge(17)),
  chained: () => capture(() => orderItem("ink")),
  message: () => Sentry.captureMessage("stock is low", "warning"),
  logged: () => console.error("payment %s failed", 99),
  uncaught: () => charge(18),
  rejected: () => void Promise.reject(new Error("disk full")),
};
for (const [name, action] of Object.entries(actions)) {
  const button = document.createElement("button");
  button.id = button.textContent = name;
  button.addEventListener("click", action);
  document.body.append(button);
}
window.flush = () => Sentry.flush(5000);
