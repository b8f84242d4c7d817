// A page with @sentry/react: a component fails while it renders, once in an error boundary and once outside.
import * as Sentry from "@sentry/react";
import { createElement, useState } from "react";
import { createRoot } from "react-dom/client";

const { dsn, release, environment } = window.SETTINGS;
Sentry.init({ dsn, release, environment });

function Price({ order }) {
  if (order) {
    throw new TypeError(`bad id ${order}`);
  }
  return "paid";
}

function Button({ name }) {
  const [order, setOrder] = useState(0);
  return createElement("button", { id: name, onClick: () => setOrder(17) }, createElement(Price, { order }));
}

function App() {
  const fallback = createElement("p", null, "no price");
  return createElement(Sentry.ErrorBoundary, { fallback }, createElement(Button, { name: "inside" }));
}

function renderInto(id, element) {
  const onUncaughtError = Sentry.reactErrorHandler();
  createRoot(document.getElementById(id), { onUncaughtError }).render(element);
}

window.flush = () => Sentry.flush(5000);
renderInto("first", createElement(App));
renderInto("second", createElement(Button, { name: "outside" }));
