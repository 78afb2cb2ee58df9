// Liking and disliking items, for models that take interactions and no ratings.

import { html } from "./vendor/htm-preact.js";
import { marks } from "./marks.js";

/** What a visitor can say of an item by interactions of two kinds; `kinds` are the weights by kind. */
export function hearts(kinds) {
  const { seen, dislike, like } = marks(kinds);
  return {
    paths: ["interactions"],
    isMark: (value) => value === dislike || (value === seen && seen !== like),
    marks: seen === like ? [] : [{ value: seen, text: "Seen it" }],
    dislike,
    ofKey: (key) => ({ l: like, d: dislike })[key.toLowerCase()],
    given: (kind) => ({ [seen]: "seen", [dislike]: "✕", [like]: "♥" })[kind] ?? kind,
    spoken: (kind) => ({ [seen]: "seen", [dislike]: "not for you", [like]: "liked" })[kind] ?? kind,
    because: "because of",
    title: "Like a few. The list learns.",
    lead: "Every answer adapts the model to you at once, and chooses the next items to ask you about.",
    keys: html`<kbd>L</kbd> like, <kbd>D</kbd> not for me, <kbd>S</kbd> don’t know it, <kbd>Tab</kbd> next.`,
    unknown: "Don’t know it",
    from: ({ length }) => `from ${length} ${length === 1 ? "answer" : "answers"}`,
    skipped: (count) => `${count} not known`,
    done: ({ length }) => `Your answers: ${length}`,
    orders: { popularity: "What many people choose, of different kinds.", choice: "First what you are most likely to choose." },
    Buttons: ({ name, value, onGive }) => html`<${HeartButtons} name=${name} value=${value} like=${like} dislike=${dislike} onGive=${onGive} />`,
  };
}

function HeartButtons({ name, value, like, dislike, onGive }) {
  const button = (kind, label, sign) => html`<button type="button" class=${value === kind ? "given" : ""} aria-label=${`${label}: ${name}`}
    aria-pressed=${value === kind ? "true" : undefined} onClick=${() => onGive(kind)}>${sign}</button>`;
  return html`<div class="rating-buttons hearts" role="group" aria-label=${`Do you like ${name}?`}>
    ${button(like, "I like it", "♥")}${button(dislike, "Not for me", "✕")}
  </div>`;
}
