// Asks the server, with the token that is kept for this tab; tells whoever listens when a token is missing or wrong.
import { readToken } from "./token.js";

const listeners = new Set();

export function onRefusal(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function refusalOf(answer) {
  const codes = (answer.errors ?? []).map((error) => error.extensions?.code);
  return codes.find((code) => code === "UNAUTHENTICATED" || code === "INVALID_TOKEN" || code === "FORBIDDEN") ?? null;
}

export async function ask(parameters, headers = {}) {
  const token = readToken();
  const response = await fetch("/graphql", {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/graphql-response+json, application/json",
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
      ...headers,
    },
    body: JSON.stringify(parameters),
  });
  return response.json();
}

// The schema answers without a token, and a wrong one must not hide it.
export async function fetcher(parameters, options) {
  if (parameters.operationName === "IntrospectionQuery") {
    const response = await fetch("/graphql", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(parameters),
    });
    return response.json();
  }
  const answer = await ask(parameters, options?.headers);
  const refusal = refusalOf(answer);
  listeners.forEach((listener) => listener(refusal));
  return answer;
}

export async function whose() {
  if (!readToken()) {
    return { state: "none", text: "no token" };
  }
  const answer = await ask({ query: "{ viewer { token { name } } }" });
  const viewer = answer.data?.viewer;
  return viewer
    ? { state: "good", text: `signed in${viewer.token.name ? ` as ${viewer.token.name}` : ""}` }
    : { state: "bad", text: answer.errors?.[0]?.message ?? "token refused" };
}
