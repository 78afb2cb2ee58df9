// The list of recommendations, and what a visitor can say of each item in it.

import { html, useState } from "./vendor/htm-preact.js";
import { Cover } from "./cover.js";
import { PredictedRating } from "./ratings.js";

/** Whether a list is for this visitor, and not for everybody. */
export const isPersonal = ({ rankedBy }) => rankedBy !== "popularity";

export function Recommendations({ state, visit }) {
  const { recommendations, schema, timing } = state;
  const [open, setOpen] = useState(null); // the item that is being rated
  const { feedback } = visit;
  const predicted = recommendations.some((each) => each.predicted_rating !== null);
  const personal = isPersonal(state);
  const give = (item, value) => {
    document.getElementById("list").focus({ preventScroll: true }); // the item leaves the list with its buttons
    setOpen(null);
    visit.give(item, value);
  };
  return html`<aside id="list" class="panel list" aria-labelledby="list-title" tabindex="-1">
    <div class="section-head">
      <h2 id="list-title">${personal ? "Your list" : "What most people like"}</h2>
      ${personal && html`<span class="count">${described(feedback, state.basis)}</span>`}
    </div>
    <p class="order">${feedback.orders[state.rankedBy]}${predicted && state.rankedBy === "choice" && " Stars: the rating we expect from you."}</p>
    <ol>
      ${recommendations.map((each) => html`<${Recommended} key=${each.item_id} each=${each} name=${visit.name(each)} about=${visit.describe(each)} scale=${schema.rating_scale} feedback=${feedback}
        moved=${state.moves.get(each.item_id)} open=${open === each.item_id} onOpen=${() => setOpen(open === each.item_id ? null : each.item_id)} onGive=${(value) => give(each, value)} />`)}
    </ol>
    <dl class="timing">
      <div><dt>Answered by</dt><dd class="version">${state.modelVersion}</dd></div>
      ${timing.server !== null && html`<div><dt>Adapting and ranking everything</dt><dd data-timing="server">${timing.server.toFixed(1)} ms</dd></div>`}
      ${timing.screen !== null && html`<div><dt>From your click to this list</dt><dd data-timing="screen">${timing.screen.toFixed(0)} ms</dd></div>`}
    </dl>
  </aside>`;
}

/** What a list is based on, in words. */
function described(feedback, { answers, skipped }) {
  return [answers.length && feedback.from(answers), skipped && feedback.skipped(skipped)].filter(Boolean).join(", ");
}

function Recommended({ each, name, about, scale, feedback, moved, open, onOpen, onGive }) {
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
      <button type="button" class="link" aria-expanded=${open ? "true" : "false"} aria-label=${`Know it? ${name}`} onClick=${onOpen}>Know it?</button>
      <button type="button" class="link" aria-label=${`Not interested: ${name}`} onClick=${() => onGive(feedback.dislike)}>Not interested</button>
      ${open && html`<div class="say-more">
        <${feedback.Buttons} name=${name} onGive=${onGive} />
        ${feedback.marks.map(({ value, text }) => html`<button type="button" class="button small" aria-label=${`${text}: ${name}`} onClick=${() => onGive(value)}>${text}</button>`)}
      </div>`}
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
