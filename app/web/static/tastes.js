// What the model concluded of the visitor, in words, to confirm or to contradict.

import { html, useState } from "./vendor/htm-preact.js";

/** The visitor's likes and dislikes. An answer about one of them is an answer to the question about its value. */
export function Tastes({ tastes, visit }) {
  const [open, setOpen] = useState(null);
  // What the visitor has said is shown beside what else the visitor said, and the model's guess is no longer needed.
  const [likes, dislikes] = [tastes.likes, tastes.dislikes].map((guesses) => guesses.filter(({ rating }) => rating === null));
  if (!likes.length && !dislikes.length) return null;
  const opened = [...likes, ...dislikes].find((taste) => open === keyOfTaste(taste));
  const chips = (list) => list.map((taste) => html`<${Taste} key=${keyOfTaste(taste)} taste=${taste} open=${taste === opened}
    onOpen=${() => setOpen(taste === opened ? null : keyOfTaste(taste))} />`);
  return html`<section class="tastes" aria-labelledby="tastes-title">
    <h3 id="tastes-title" class="visually-hidden">Your tastes, as the model sees them</h3>
    ${likes.length > 0 && html`<p><span>You seem to like</span> ${chips(likes)}</p>`}
    ${dislikes.length > 0 && html`<p><span>${likes.length ? "and less" : "You seem to like less"}</span> ${chips(dislikes)}</p>`}
    ${opened && html`<div class="say-more">
      <span>How do you like <b>${opened.value}</b>?</span>
      <${visit.feedback.Buttons} name=${opened.value} onGive=${(rating) => {
        setOpen(null);
        visit.answerInGeneral({ kind: "attribute", field: opened.field, value: opened.value, items: [] }, rating);
      }} />
    </div>`}
  </section>`;
}

function Taste({ taste, open, onOpen }) {
  return html`<button type="button" class="taste" aria-expanded=${open ? "true" : "false"} title="Is that so? Say how you like it." onClick=${onOpen}>
    ${taste.value}
  </button>`;
}

const keyOfTaste = ({ field, value }) => `${field}:${value}`;
