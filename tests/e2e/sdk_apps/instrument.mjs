import { createRequire } from "node:module";

const Sentry = createRequire(`${process.env.TOOL}/package.json`)("@sentry/node");

Sentry.init({ integrations: [Sentry.captureConsoleIntegration({ levels: ["error"] })] });
