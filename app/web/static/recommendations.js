// The list of recommendations, and what a visitor can say of each item in it.

import { html, useState } from "./vendor/htm-preact.js";
import { Cover } from "./cover.js";
import { PredictedRating } from "./ratings.js";
import { Similar } from "./similar.js";
import { Tastes } from "./tastes.js";

const KNOW = "Know it?";
const MORE = "More like this";

/** The lists for unknown visitors, in words. */
const OF_STRANGERS = {
  popularity: { title: "What most people like", top: "Most people like" },
  popular: { title: "What most people choose", top: "Most people choose", order: "First what was chosen most." },
  trending: { title: "Trending now", top: "Trending", order: "First what is chosen much more than before." },
  latest: { title: "New", top: "Newest", order: "First the newest." },
};

/** What a list is, in words, and whether it is for this visitor and not for everybody. */
export const inWords = ({ rankedBy }) =>
  OF_STRANGERS[rankedBy] ?? { title: "Your list", top: "Top of your list", isPersonal: true };

export function Recommendations({ state, visit }) {
  const { recommendations, schema, timing } = state;
  const [open, setOpen] = useState({}); // { item_id, what }: an item, and what of it is open
  const { feedback } = visit;
  const predicted = recommendations.some((each) => each.predicted_rating !== null);
  const list = inWords(state);
  const give = (item, value) => {
    document.getElementById("list").focus({ preventScroll: true }); // the item leaves the list with its buttons
    setOpen({});
    visit.give(item, value);
  };
  return html`<aside id="list" class="panel list" aria-labelledby="list-title" tabindex="-1">
    <div class="section-head">
      <h2 id="list-title">${list.title}</h2>
      ${list.isPersonal && html`<span class="count">${described(feedback, state.basis)}</span>`}
    </div>
    <p class="order">${list.order ?? feedback.orders[state.rankedBy]}${predicted && state.rankedBy === "choice" && " Stars: the rating we expect from you."}</p>
    <${Tastes} tastes=${state.tastes} visit=${visit} />
    <ol>
      ${recommendations.map((each) => html`<${Recommended} key=${each.item_id} each=${each} visit=${visit} scale=${schema.rating_scale} moved=${state.moves.get(each.item_id)}
        open=${open.item_id === each.item_id ? open.what : null} onOpen=${(what) => setOpen({ item_id: each.item_id, what })} onGive=${give} />`)}
    </ol>
    ${state.nextPage && html`<button type="button" class="button small more" onClick=${() => visit.more()}>Show more</button>`}
    <dl class="timing">
      <div><dt>Answered by</dt><dd class="version">${state.modelVersion}</dd></div>
      ${timing.server !== null && html`<div><dt>Adapting and ranking everything</dt><dd data-timing="server">${timing.server.toFixed(1)} ms</dd></div>`}
      ${timing.screen !== null && html`<div><dt>From your click to this list</dt><dd data-timing="screen">${timing.screen.toFixed(0)} ms</dd></div>`}
    </dl>
  </aside>`;
}

/** What a list is based on, in words. */
function described(feedback, { answers, told, skipped }) {
  return [answers.length && feedback.from(answers), told && `${told} said in general`, skipped && feedback.skipped(skipped)].filter(Boolean).join(", ");
}

function Recommended({ each, visit, scale, moved, open, onOpen, onGive }) {
  const { feedback } = visit;
  const name = visit.name(each);
  const about = visit.describe(each);
  const opens = (what) => ({ "aria-expanded": open === what ? "true" : "false", "aria-label": `${what} ${name}`, onClick: () => onOpen(open === what ? null : what) });
  return html`<li class=${moved === "new" ? "entered" : ""}>
    <div class="thumb"><${Cover} id=${each.item_id} category=${about.category} /></div>
    <div class="what">
      <h3>${name}</h3>
      <p class="meta">${about.line}</p>
      <${Because} words=${feedback.because} reason=${each.because} feedback=${feedback} />
      <${Because} words="unlike" reason=${each.unlike} feedback=${feedback} />
    </div>
    <div class="score">
      ${each.predicted_rating !== null && html`<${PredictedRating} scale=${scale} rating=${each.predicted_rating} />`}
      <${Move} moved=${moved} />
    </div>
    <div class="say">
      <button type="button" class="link" ...${opens(KNOW)}>${KNOW}</button>
      <button type="button" class="link" ...${opens(MORE)}>${MORE}</button>
      <button type="button" class="link" aria-label=${`Not interested: ${name}`} onClick=${() => onGive(each, feedback.dislike)}>Not interested</button>
      ${open === KNOW && html`<div class="say-more">
        <${feedback.Buttons} name=${name} onGive=${(value) => onGive(each, value)} />
        ${feedback.marks.map(({ value, text }) => html`<button type="button" class="button small" aria-label=${`${text}: ${name}`} onClick=${() => onGive(each, value)}>${text}</button>`)}
      </div>`}
      ${open === MORE && html`<${Similar} item=${each} visit=${visit} onGive=${onGive} />`}
    </div>
  </li>`;
}

function Because({ words, reason, feedback }) {
  if (!reason) return null;
  return html`<p class="because">${words} <em>${reason.title ?? reason.item_id}</em> <span class="given">${feedback.given(reason.rating ?? reason.kind)}</span></p>`;
}

function Move({ moved }) {
  if (!moved) return null;
  if (moved === "new") return html`<span class="move new">new</span>`;
  const places = Math.abs(moved);
  return html`<span class=${moved > 0 ? "move up" : "move down"}>
    <span aria-hidden="true">${moved > 0 ? "▲" : "▼"} ${places}</span>
    <span class="visually-hidden">${moved > 0 ? "up" : "down"} ${places} ${places === 1 ? "place" : "places"}</span>
  </span>`;
}
