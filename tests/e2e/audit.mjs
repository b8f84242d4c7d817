// Runs the audits of npm's graphql-http against a server: audit.mjs FOLDER-OF-MODULES URL [TOKEN]; prints {id: status}.
import { createRequire } from "node:module";

const [folder, url, token] = process.argv.slice(2);
const { auditServer } = createRequire(`${folder}/`)("graphql-http");
const authorization = token ? { authorization: `Bearer ${token}` } : {};
const fetchFn = (address, options = {}) =>
  fetch(address, { ...options, headers: { ...(options.headers ?? {}), ...authorization } });
const results = await auditServer({ url, fetchFn });
console.log(JSON.stringify(Object.fromEntries(results.map((one) => [`${one.id} ${one.name}`, one.status]))));
