// Liking and disliking items, for models that take interactions and no ratings.

import { html } from "./vendor/htm-preact.js";

/** What a visitor can say of an item by interactions of two kinds; `kinds` are the weights by kind. */
export function hearts(kinds) {
  const byWeight = Object.entries(kinds).sort(([, one], [, other]) => one - other);
  const dislike = "dislike" in kinds ? "dislike" : byWeight[0][0];
  const like = "like" in kinds ? "like" : byWeight.at(-1)[0];
  return {
    path: "interactions",
    replaces: false, // two interactions with an item are both stored
    body: (item_id, kind) => ({ interactions: [{ item_id, kind }] }),
    keyOf: (answer) => answer.interactions[0].event_id,
    stored: ({ item_id, event_id, kind, occurred_at }) => ({ item_id, key: event_id, value: kind, at: occurred_at }),
    ofKey: (key) => ({ l: like, d: dislike })[key.toLowerCase()],
    given: (kind) => (kind === like ? "♥" : kind === dislike ? "✕" : kind),
    spoken: (kind) => (kind === like ? "liked" : kind === dislike ? "not for you" : kind),
    because: "because of",
    title: "Like a few. The list learns.",
    lead: "Every answer adapts the model to you at once, and chooses the next items to ask you about.",
    keys: html`<kbd>L</kbd> like, <kbd>D</kbd> not for me, <kbd>S</kbd> don’t know it, <kbd>Tab</kbd> next.`,
    unknown: "Don’t know it",
    from: (count) => `from ${count} ${count === 1 ? "answer" : "answers"}`,
    skipped: (count) => `${count} not known`,
    done: (count) => `Your answers: ${count}`,
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
