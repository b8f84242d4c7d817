// A program with @sentry/node, which reads SENTRY_DSN, SENTRY_RELEASE and SENTRY_ENVIRONMENT.
import { createRequire } from "node:module";

const Sentry = createRequire(`${process.env.TOOL}/package.json`)("@sentry/node");

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

function leave() {
  throw new Error("disk full");
}

function capture(fail) {
  try {
    fail();
  } catch (error) {
    Sentry.captureException(error);
  }
}

Sentry.setUser({ id: "42", email: "ada@example.com", ip_address: "10.0.0.7" });
Sentry.setTag("region", "eu");
capture(() => charge(17));
capture(() => orderItem("ink"));
Sentry.captureMessage("stock is low", "warning");
console.error("payment %s failed", 99);
setTimeout(leave, 100);
