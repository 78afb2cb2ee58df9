// The onboarding page: from nothing to recommendations, by the REST API alone.

import { html, render, useEffect, useState } from "./vendor/htm-preact.js";
import { Cover, palette } from "./cover.js";
import { PredictedRating, RatingButtons, ratingOfKey } from "./ratings.js";
import { Search } from "./search.js";
import { Visit } from "./visit.js";

const SMALL_SCREEN = window.matchMedia("(max-width: 640px)");
const RECOMMENDATIONS = 10;
const ORDERS = {
  popularity: "What many people choose and like, of different kinds.",
  choice: "First what you are most likely to choose and then like. Stars: the rating we expect from you.",
  rating: "By the rating we expect from you.",
};

function Onboarding({ visit }) {
  const [state, setState] = useState(visit.state);
  useEffect(() => {
    visit.onChange = setState;
    visit.begin();
  }, []);
  const { schema, problem, rated } = state;
  if (problem?.fatal) return html`<p class="notice" role="alert">${problem.text}</p>`;
  if (!schema) return html`<p class="soft" aria-busy="true">Getting the first items …</p>`;
  const scale = schema.rating_scale;
  return html`
    <div class="intro">
      <div>
        <h1>Rate a few. The list learns.</h1>
        <p class="lead">
          Every rating adapts the model to you at once, and chooses the next items to ask you about.
          ${" "}<span class="keys"><kbd>${scale.minimum}</kbd>–<kbd>${scale.maximum >= 10 ? 0 : scale.maximum}</kbd> rate, <kbd>S</kbd> haven’t seen it, <kbd>Tab</kbd> next.</span>
        </p>
      </div>
      <${Search} scale=${scale} rated=${rated} describe=${(item) => visit.describe(item)} onRate=${(item, rating) => visit.rate(item, rating)} />
    </div>
    <div class="columns">
      <section class="asking" aria-labelledby="asking-title">
        <div class="section-head">
          <h2 id="asking-title">Do you know these?</h2>
          <button type="button" class="button small" onClick=${() => visit.startOver()} disabled=${!rated.size && !state.skipped.size && !visit.isKnown}>Start over</button>
        </div>
        ${problem && html`<p class="notice" role="alert">${problem.text}</p>`}
        ${state.slots.every((item) => !item) && html`<p class="soft">There are no more items to rate. You have rated ${rated.size} and not seen ${state.skipped.size}.</p>`}
        <ul class="tiles">
          ${state.slots.map((item, slot) => item && html`<${Tile} key=${slot} item=${item} about=${visit.describe(item)} scale=${scale}
            onRate=${(rating) => visit.rate(item, rating)} onSkip=${() => visit.skip(item)} />`)}
        </ul>
        <${Rated} state=${state} visit=${visit} />
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

function Tile({ item, about, scale, onRate, onSkip }) {
  const name = item.title ?? item.item_id;
  const onKeyDown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const rating = ratingOfKey(event.key, scale);
    if (rating !== undefined) onRate(rating);
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
    <${RatingButtons} scale=${scale} name=${name} onRate=${onRate} />
    <button type="button" class="skip" onClick=${onSkip}>Haven’t seen it</button>
  </li>`;
}

function Rated({ state, visit }) {
  if (!state.rated.size) return null;
  return html`<section class="rated" aria-labelledby="rated-title">
    <h3 id="rated-title">You rated ${state.rated.size}</h3>
    <ul>
      ${[...state.rated.values()].reverse().map(({ item, rating }) => {
        const name = item.title ?? item.item_id;
        return html`<li key=${item.item_id}>
          <span>${name}</span> <b>★ ${rating}</b>
          <button type="button" aria-label=${`Delete the rating of ${name}`} onClick=${() => visit.takeBack(item)}>×</button>
        </li>`;
      })}
    </ul>
  </section>`;
}

const isPersonal = ({ rankedBy }) => rankedBy !== "popularity";

function Recommendations({ state, visit }) {
  const { recommendations, schema, timing } = state;
  const personal = isPersonal(state);
  return html`<aside id="list" class="panel list" aria-labelledby="list-title" tabindex="-1">
    <div class="section-head">
      <h2 id="list-title">${personal ? "Your list" : "What most people like"}</h2>
      ${personal && html`<span class="count">${described(state.basis)}</span>`}
    </div>
    <p class="order">${ORDERS[state.rankedBy] ?? state.rankedBy}</p>
    <ol>
      ${recommendations.map((each) => html`<${Recommended} key=${each.item_id} each=${each} about=${visit.describe(each)} scale=${schema.rating_scale} moved=${state.moves.get(each.item_id)} />`)}
    </ol>
    <dl class="timing">
      <div><dt>Answered by</dt><dd class="version">${state.modelVersion}</dd></div>
      ${timing.server !== null && html`<div><dt>Adapting and ranking everything</dt><dd data-timing="server">${timing.server.toFixed(1)} ms</dd></div>`}
      ${timing.screen !== null && html`<div><dt>From your click to this list</dt><dd data-timing="screen">${timing.screen.toFixed(0)} ms</dd></div>`}
    </dl>
  </aside>`;
}

/** What a list is based on, in words. */
function described({ rated, skipped }) {
  const ratings = rated && `from ${rated} ${rated === 1 ? "rating" : "ratings"}`;
  return [ratings, skipped && `${skipped} not seen`].filter(Boolean).join(", ");
}

function Recommended({ each, about, scale, moved }) {
  return html`<li class=${moved === "new" ? "entered" : ""}>
    <div class="thumb"><${Cover} id=${each.item_id} category=${about.category} /></div>
    <div class="what">
      <h3>${each.title ?? each.item_id}</h3>
      <p class="meta">${about.line}</p>
      <${Because} words="because you gave" reason=${each.because} />
      <${Because} words="unlike" reason=${each.unlike} />
    </div>
    <div class="score">
      <${PredictedRating} scale=${scale} rating=${each.predicted_rating} />
      <${Move} moved=${moved} />
    </div>
  </li>`;
}

function Because({ words, reason }) {
  if (!reason) return null;
  return html`<p class="because">${words} <em>${reason.title ?? reason.item_id}</em> <span class="given">★ ${reason.rating}</span></p>`;
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
