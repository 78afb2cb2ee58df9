// Giving and showing ratings on the scale of the data.

import { html, useState } from "./vendor/htm-preact.js";
import { marks } from "./marks.js";

const MOST_STARS = 5;

const MOST_BUTTONS = 11;

/** What a visitor can say of an item by a rating, or by a mark; `kinds` are the weights of interactions by kind. */
export function ratings(scale, kinds) {
  const { seen, dislike } = marks(kinds);
  const markOf = (kind) => ({ [seen]: "seen", [dislike]: "not interested" })[kind] ?? kind;
  const isMark = (value) => typeof value === "string";
  return {
    paths: ["ratings", "interactions"],
    isMark,
    marks: [{ value: seen, text: "Seen it" }],
    dislike,
    ofKey: (key) => ratingOfKey(key, scale),
    given: (value) => (isMark(value) ? markOf(value) : `★ ${value}`),
    spoken: (value) => (isMark(value) ? markOf(value) : `rated ${value}`),
    because: "because you gave",
    title: "Rate a few. The list learns.",
    lead: "Every rating adapts the model to you at once, and chooses the next items to ask you about.",
    keys: html`<kbd>${scale.minimum}</kbd>–<kbd>${scale.maximum >= 10 ? 0 : scale.maximum}</kbd> rate, <kbd>S</kbd> haven’t seen it, <kbd>Tab</kbd> next.`,
    unknown: "Haven’t seen it",
    from: (values) => ratingsAndMarks(values, isMark),
    skipped: (count) => `${count} not seen`,
    done: (values) => {
      const rated = values.filter((value) => !isMark(value)).length;
      return rated === values.length ? `You rated ${rated}` : `You rated ${rated} and marked ${values.length - rated}`;
    },
    orders: {
      popularity: "What many people choose and like, of different kinds.",
      choice: "First what you are most likely to choose and then like.",
      rating: "By the rating we expect from you.",
    },
    Buttons: ({ name, value, onGive }) => html`<${RatingButtons} scale=${scale} name=${name} value=${value} onGive=${onGive} />`,
  };
}

/** What a list comes from, in words. */
function ratingsAndMarks(values, isMark) {
  const marked = values.filter(isMark).length;
  const rated = values.length - marked;
  const parts = [rated && `${rated} ${rated === 1 ? "rating" : "ratings"}`, marked && `${marked} marked`].filter(Boolean);
  return `from ${parts.join(", ")}`;
}

/** The ratings that have a button, the lowest first: all of the scale, or evenly spaced ones of a fine scale. */
function levels(scale) {
  const length = scale.maximum - scale.minimum;
  const count = scale.step === null ? Infinity : Math.round(length / scale.step) + 1;
  if (count <= 2 * MOST_BUTTONS) return Array.from({ length: count }, (_, level) => scale.minimum + level * scale.step);
  return Array.from({ length: MOST_BUTTONS }, (_, button) => {
    const distance = (button * length) / (MOST_BUTTONS - 1);
    const onScale = scale.step === null ? distance : Math.round(distance / scale.step) * scale.step;
    return Number((scale.minimum + onScale).toPrecision(12));
  });
}

/** The rating that a key stands for: digits are ratings, 0 is 10; undefined for other keys. */
function ratingOfKey(key, scale) {
  if (!/^\d$/.test(key)) return undefined;
  const rating = key === "0" ? 10 : Number(key);
  return levels(scale).find((level) => Math.abs(level - rating) < 1e-6);
}

/**
 * Buttons to rate an item with: stars up to five ratings, numbers beyond.
 *
 * One stop for the tabulator key; arrows move within, and Enter or the space bar rates.
 */
function RatingButtons({ scale, name, value, onGive }) {
  const all = levels(scale);
  const [current, setCurrent] = useState(Math.floor(all.length / 2));
  const stars = all.length <= MOST_STARS;
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.min(all.length - 1, Math.max(0, current + step));
    setCurrent(next);
    event.currentTarget.children[next].focus();
  };
  return html`<div class=${`rating-buttons ${stars ? "stars" : "numbers"}`} role="group" aria-label=${`Rate ${name}`} onKeyDown=${move}>
    ${all.map(
      (rating, level) => html`<button
        type="button"
        key=${rating}
        class=${value !== undefined && (stars ? rating <= value : rating === value) ? "given" : ""}
        tabindex=${level === current ? 0 : -1}
        aria-label=${`${rating} of ${scale.maximum}`}
        aria-pressed=${value === rating ? "true" : undefined}
        onFocus=${() => setCurrent(level)}
        onClick=${() => onGive(rating)}
      >${stars ? "★" : rating}</button>`,
    )}
  </div>`;
}

/** A predicted rating: five stars filled to its share of the scale, and the number. */
export function PredictedRating({ scale, rating }) {
  const shown = rating.toFixed(1);
  const lowest = Math.min(scale.minimum, 0);
  return html`<span class="predicted">
    <span class="predicted-number">${shown}<span class="visually-hidden"> of ${scale.maximum} predicted</span></span>
    <span class="predicted-stars" aria-hidden="true" style=${{ "--share": `${(100 * (rating - lowest)) / (scale.maximum - lowest)}%` }}>★★★★★</span>
  </span>`;
}
