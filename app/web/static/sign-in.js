// Gives the server an API key for this browser's session, and goes back to where it was asked for.

import { Problem, SIGN_IN, call } from "./api.js";

const form = document.getElementById("sign-in");
const notice = form.querySelector("[role=alert]");

/** The page that sent the visitor here, if it is one of this server's. */
function next() {
  const asked = new URL(new URLSearchParams(location.search).get("next") ?? "/", location.origin);
  return asked.origin === location.origin ? asked.href : "/";
}

async function go(method, body) {
  try {
    await call(method, SIGN_IN, { body });
    location.replace(next());
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    notice.textContent = error.message;
    notice.hidden = false;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  go("POST", { key: form.elements.key.value });
});
document.getElementById("sign-out")?.addEventListener("click", () => go("DELETE"));
