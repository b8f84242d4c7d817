// A server with @sentry/node that handles two requests, one of which fails.
import http from "node:http";
import { createRequire } from "node:module";

const Sentry = createRequire(`${process.env.TOOL}/package.json`)("@sentry/node");

const server = http.createServer((request, response) => {
  if (request.url === "/fail") {
    Sentry.captureException(new Error("no paper"));
    response.statusCode = 500;
  }
  response.end();
});
server.listen(0, "127.0.0.1", async () => {
  for (const path of ["pay", "fail"]) {
    await (await fetch(`http://127.0.0.1:${server.address().port}/${path}`)).text();
  }
  await Sentry.close(5000);
  process.exit();
});
