// The token: from the address's fragment, or typed in; kept for this tab only.
const KEY = "gql-releases-token";

export function takeTokenFromAddress() {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (found) {
    sessionStorage.setItem(KEY, found);
  }
  if (location.hash.includes("token=")) {
    history.replaceState(null, "", location.pathname + location.search);
  }
}

export function readToken() {
  return sessionStorage.getItem(KEY) ?? "";
}

export function keepToken(token) {
  if (token) {
    sessionStorage.setItem(KEY, token);
  } else {
    sessionStorage.removeItem(KEY);
  }
}
