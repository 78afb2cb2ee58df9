// A question before something happens.

import { html, useEffect, useRef } from "./vendor/htm-preact.js";

/**
 * A dialog that says what will happen.
 *
 * `title`, `action` (the text of the button that does it) and the contents say what; `onDo` is given the form's data.
 */
export function Dialog({ title, action, onDo, onClose, children }) {
  const dialog = useRef();
  useEffect(() => dialog.current.showModal(), []);
  const submit = (event) => {
    event.preventDefault();
    dialog.current.close();
    onDo(new FormData(event.currentTarget));
  };
  return html`<dialog ref=${dialog} class="panel" aria-labelledby="dialog-title" onClose=${onClose}>
    <form onSubmit=${submit}>
      <h2 id="dialog-title">${title}</h2>
      ${children}
      <div class="actions">
        <button class="button primary">${action}</button>
        <button type="button" class="button" onClick=${() => dialog.current.close()}>Cancel</button>
      </div>
    </form>
  </dialog>`;
}
