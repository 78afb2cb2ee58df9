// A problem, and the way to try again.

import { html } from "./vendor/htm-preact.js";

/** A message about what went wrong; nothing if all is well. */
export function Notice({ text, onRetry }) {
  if (!text) return null;
  return html`<div class="notice with-action" role="alert">
    <span>${text}</span>
    ${onRetry && html`<button type="button" class="button small" onClick=${onRetry}>Retry</button>`}
  </div>`;
}
