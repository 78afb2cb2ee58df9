// Giving and showing ratings on whatever scale the data have.

import { html, useState } from "./vendor/htm-preact.js";

const MOST_STARS = 5;

const MOST_BUTTONS = 11;

/** The ratings that have a button, the lowest first: all of the scale, or evenly spaced ones of a fine scale. */
export function levels(scale) {
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
export function ratingOfKey(key, scale) {
  if (!/^\d$/.test(key)) return undefined;
  const rating = key === "0" ? 10 : Number(key);
  return levels(scale).find((level) => Math.abs(level - rating) < 1e-6);
}

/**
 * Buttons to rate an item with: stars up to five ratings, numbers beyond.
 *
 * One stop for the tabulator key; arrows move within, and Enter or the space bar rates.
 */
export function RatingButtons({ scale, name, value, onRate }) {
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
        onClick=${() => onRate(rating)}
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
