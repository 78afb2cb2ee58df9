// Why a user's list is as it is: the user's tastes in words, and what moved each item.

import { html } from "./vendor/htm-preact.js";
import { percent } from "./formats.js";

/** What the model concluded of a user, compared with a stranger. */
export function Tastes({ likes, dislikes, isStranger }) {
  if (!likes.length && !dislikes.length) {
    return html`<p class="soft">${isStranger ? "Nothing is known of the user. The list is the one for strangers." : "Nothing in particular: what the user is expected to choose is much like what others choose."}</p>`;
  }
  return html`
    <dl class="tastes">
      ${likes.length > 0 && html`<div><dt>Likes</dt><dd><${Values} tastes=${likes} /></dd></div>`}
      ${dislikes.length > 0 && html`<div><dt>Dislikes</dt><dd><${Values} tastes=${dislikes} /></dd></div>`}
    </dl>
    <p class="soft">Share of the items that the user is expected to choose and like next; in brackets, that of a stranger.</p>
  `;
}

function Values({ tastes }) {
  return html`<ul>${tastes.map(({ field, value, share, share_of_strangers }) => html`<li key=${`${field} ${value}`} title=${field}>
    <b>${value}</b> <span class="soft">${rounded(share)} (${rounded(share_of_strangers)})</span>
  </li>`)}</ul>`;
}

/** What a question was about, and what the user answered. */
export function inWords({ kind, item_ids, field, value, rating, preferred }, name) {
  const about = kind === "attribute" ? `${field}: ${value}` : item_ids.map(name).join(kind === "pair" ? " or " : ", ");
  if (preferred !== null) return { about, what: `rather ${name(preferred)}` };
  return { about, what: rating === null ? "cannot say" : `★ ${rating}` };
}

const rounded = (share) => percent(Math.round(100 * share));

/** Items that would be in the list if no rule had moved them. */
export function LeftOut({ items }) {
  if (!items.length) return null;
  return html`<h3>Left out by the rules</h3>
    <ul class="rows">${items.map((each) => html`<li key=${each.item_id}>
      <span>${each.title ?? each.item_id}</span>
      <${Moves} item=${each} />
    </li>`)}</ul>`;
}

/** Where the model had put an item, and what the rules did; nothing if there is nothing to say. */
export function Moves({ item: { rank, rank_without_rules, changes, times_seen } }) {
  if (!changes.length) return null;
  const isListed = rank !== undefined;
  const first = rank_without_rules === null ? "Not in the model’s list" : `Place ${rank_without_rules} by the model`;
  return html`<span class="soft moves">${[first, ...changes.map((change) => moved(change, isListed, times_seen))].join(" · ")}</span>`;
}

const BECAUSE = { dismissed: "others dismissed", shown: "others shown", boost: "others boosted", diversity: "diversity", pinned: "others pinned" };

/** What a rule did to an item, in words. */
function moved({ rule, factor, places }, isListed, timesSeen) {
  if (rule === "dismissed" && !isListed) return "dismissed";
  if (rule === "pinned" && isListed && !(places < 0)) return "pinned"; // a pinned item moves up or comes in
  const where = places === null ? (isListed ? "came in" : "fell out") : places === 0 ? "same place" : `${Math.abs(places)} ${places > 0 ? "up" : "down"}`;
  if (factor === null) return `${where} (${BECAUSE[rule]})`;
  const what = rule === "shown" ? `shown ${timesSeen} ${timesSeen === 1 ? "time" : "times"}` : "boosted";
  return `${where} (${what}, score × ${factor.toLocaleString(undefined, { maximumSignificantDigits: 2 })})`;
}
