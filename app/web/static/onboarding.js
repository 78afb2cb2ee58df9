// The onboarding page: from nothing to recommendations, by the REST API alone.

import { html, render, useEffect, useState } from "./vendor/htm-preact.js";
import { Cover, palette } from "./cover.js";
import { PredictedRating } from "./ratings.js";
import { Search } from "./search.js";
import { Visit } from "./visit.js";

const SMALL_SCREEN = window.matchMedia("(max-width: 640px)");
const RECOMMENDATIONS = 10;

function Onboarding({ visit }) {
  const [state, setState] = useState(visit.state);
  useEffect(() => {
    visit.onChange = setState;
    visit.begin();
  }, []);
  const { schema, problem, answers } = state;
  if (problem?.fatal) return html`<p class="notice" role="alert">${problem.text}</p>`;
  if (!schema) return html`<p class="soft" aria-busy="true">Getting the first items …</p>`;
  const { feedback } = visit;
  return html`
    <div class="intro">
      <div>
        <h1>${feedback.title}</h1>
        <p class="lead">${feedback.lead} <span class="keys">${feedback.keys}</span></p>
      </div>
      <${Search} feedback=${feedback} answers=${answers} describe=${(item) => visit.describe(item)} onGive=${(item, value) => visit.give(item, value)} />
    </div>
    <div class="columns">
      <section class="asking" aria-labelledby="asking-title">
        <div class="section-head">
          <h2 id="asking-title">Do you know these?</h2>
          <button type="button" class="button small" onClick=${() => visit.startOver()} disabled=${!answers.size && !state.skipped.size && !visit.isKnown}>Start over</button>
        </div>
        ${problem && html`<p class="notice" role="alert">${problem.text}</p>`}
        ${state.slots.every((item) => !item) && html`<p class="soft">There are no more items to ask about. ${feedback.done(answers.size)}, ${feedback.skipped(state.skipped.size)}.</p>`}
        <ul class="tiles">
          ${state.slots.map((item, slot) => item && html`<${Tile} key=${slot} item=${item} about=${visit.describe(item)} feedback=${feedback}
            onGive=${(value) => visit.give(item, value)} onSkip=${() => visit.skip(item)} />`)}
        </ul>
        <${Answers} answers=${answers} visit=${visit} />
      </section>
      <${Recommendations} state=${state} visit=${visit} />
    </div>
    <p class="visually-hidden" role="status">${state.announcement}</p>
    ${state.recommendations[0] && html`<a class="to-list" href="#list">
      <span>${isPersonal(state) ? "Top of your list" : "Most people like"}: <b>${state.recommendations[0].title ?? state.recommendations[0].item_id}</b></span>
      <span aria-hidden="true">↓</span>
    </a>`}
  `;
}

function Tile({ item, about, feedback, onGive, onSkip }) {
  const name = item.title ?? item.item_id;
  const onKeyDown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const given = feedback.ofKey(event.key);
    if (given !== undefined) onGive(given);
    else if (event.key === "s" || event.key === "S") onSkip();
    else return;
    event.preventDefault();
  };
  const [ground, , , ink] = palette(item.item_id, about.category);
  return html`<li class="tile" onKeyDown=${onKeyDown} data-item=${item.item_id}>
    <div class="poster" key=${item.item_id} style=${{ "--cover-ground": ground, "--cover-ink": ink }}>
      <${Cover} id=${item.item_id} category=${about.category} />
      <h3 class=${name.length > 28 ? "long" : ""}>${name}</h3>
    </div>
    <p class="meta">${about.line || "\u00a0"}</p>
    <${feedback.Buttons} name=${name} onGive=${onGive} />
    <button type="button" class="skip" onClick=${onSkip}>${feedback.unknown}</button>
  </li>`;
}

function Answers({ answers, visit }) {
  if (!answers.size) return null;
  const { feedback } = visit;
  return html`<section class="rated" aria-labelledby="rated-title">
    <h3 id="rated-title">${feedback.done(answers.size)}</h3>
    <ul>
      ${[...answers.values()].reverse().map(({ item, value }) => {
        const name = item.title ?? item.item_id;
        return html`<li key=${item.item_id}>
          <span>${name}</span> <b>${feedback.given(value)}</b>
          <button type="button" aria-label=${`Take back: ${name}`} onClick=${() => visit.takeBack(item)}>×</button>
        </li>`;
      })}
    </ul>
  </section>`;
}

const isPersonal = ({ rankedBy }) => rankedBy !== "popularity";

function Recommendations({ state, visit }) {
  const { recommendations, schema, timing } = state;
  const { feedback } = visit;
  const predicted = recommendations.some((each) => each.predicted_rating !== null);
  const personal = isPersonal(state);
  return html`<aside id="list" class="panel list" aria-labelledby="list-title" tabindex="-1">
    <div class="section-head">
      <h2 id="list-title">${personal ? "Your list" : "What most people like"}</h2>
      ${personal && html`<span class="count">${described(feedback, state.basis)}</span>`}
    </div>
    <p class="order">${feedback.orders[state.rankedBy]}${predicted && state.rankedBy === "choice" && " Stars: the rating we expect from you."}</p>
    <ol>
      ${recommendations.map((each) => html`<${Recommended} key=${each.item_id} each=${each} about=${visit.describe(each)} scale=${schema.rating_scale} feedback=${feedback} moved=${state.moves.get(each.item_id)} />`)}
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
  return [answers && feedback.from(answers), skipped && feedback.skipped(skipped)].filter(Boolean).join(", ");
}

function Recommended({ each, about, scale, feedback, moved }) {
  return html`<li class=${moved === "new" ? "entered" : ""}>
    <div class="thumb"><${Cover} id=${each.item_id} category=${about.category} /></div>
    <div class="what">
      <h3>${each.title ?? each.item_id}</h3>
      <p class="meta">${about.line}</p>
      <${Because} words=${feedback.because} reason=${each.because} feedback=${feedback} />
      <${Because} words="unlike" reason=${each.unlike} feedback=${feedback} />
    </div>
    <div class="score">
      ${each.predicted_rating !== null && html`<${PredictedRating} scale=${scale} rating=${each.predicted_rating} />`}
      <${Move} moved=${moved} />
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

const visit = new Visit({ tiles: SMALL_SCREEN.matches ? 6 : 12, recommendations: RECOMMENDATIONS });
render(html`<${Onboarding} visit=${visit} />`, document.getElementById("onboarding"));
