// The onboarding page: from nothing to recommendations, by the REST API alone.

import { html, render, useEffect, useState } from "./vendor/htm-preact.js";
import { Cover, palette } from "./cover.js";
import { Notice } from "./notice.js";
import { InGeneral, Questions } from "./questions.js";
import { Recommendations, inWords } from "./recommendations.js";
import { Search } from "./search.js";
import { Visit } from "./visit.js";

const SMALL_SCREEN = window.matchMedia("(max-width: 640px)");
const RECOMMENDATIONS = 10;
const KNOWN = "Do you know these?";

function Onboarding({ visit }) {
  const [state, setState] = useState(visit.state);
  useEffect(() => {
    visit.onChange = setState;
    visit.begin();
  }, []);
  const { ready, problem, answers, skipped, told, questions, undo, slots } = state;
  const { feedback } = visit;
  const waiting = html`<${Waiting} waiting=${state.waiting} />`;
  if (!ready && problem) return html`<${Notice} text=${problem} onRetry=${() => visit.retry()} />`;
  if (!ready) return html`<p class="soft" aria-busy="true">Getting the first items …</p>${waiting}`;
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
          <h2 id="asking-title">${questions.length ? "What do you like?" : KNOWN}</h2>
          <button type="button" class="button small" onClick=${() => visit.startOver()} disabled=${!answers.size && !skipped.size && !told.size && !visit.isKnown}>Start over</button>
        </div>
        <${Notice} text=${problem} onRetry=${() => visit.retry()} />
        ${waiting}
        ${undo && html`<p class="undo">${undo.text} <button type="button" class="button small" onClick=${undo.run}>Undo</button></p>`}
        ${slots.every((item) => !item) && html`<p class="soft">There are no more items to ask about. ${feedback.done([...answers.values()].map(({ value }) => value))}, ${feedback.skipped(skipped.size)}.</p>`}
        <${Questions} questions=${questions} visit=${visit} />
        ${questions.length > 0 && html`<h2 class="second">${KNOWN}</h2>`}
        <ul class="tiles">
          ${slots.map((item, slot) => item && html`<${Tile} key=${slot} item=${item} about=${visit.describe(item)} feedback=${feedback}
            onGive=${(value) => visit.give(item, value)} onSkip=${() => visit.skip(item)} />`)}
        </ul>
        <${Answers} state=${state} visit=${visit} />
        <${InGeneral} told=${told} visit=${visit} />
        <${Skips} skipped=${skipped} visit=${visit} />
      </section>
      <${Recommendations} state=${state} visit=${visit} />
    </div>
    <p class="visually-hidden" role="status">${state.announcement}</p>
    ${state.recommendations[0] && html`<a class="to-list" href="#list">
      <span>${inWords(state).top}: <b>${visit.name(state.recommendations[0])}</b></span>
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

function Answers({ state, visit }) {
  const answers = [...state.answers.values()].reverse();
  if (!answers.length) return null;
  const { feedback } = visit;
  return html`<section class="rated" aria-labelledby="rated-title">
    <h3 id="rated-title">${feedback.done(answers.map(({ value }) => value))}</h3>
    <ul>
      ${answers.map(({ item, value }) => {
        const name = visit.name(item);
        const unsaved = state.unsaved.has(item.item_id);
        return html`<li key=${item.item_id} class=${unsaved ? "unsaved" : ""}>
          <span>${name}</span> <b>${feedback.given(value)}</b>
          ${unsaved && html`<span class="state">not saved</span><button type="button" class="again" aria-label=${`Retry: ${name}`} onClick=${() => visit.retry()}>Retry</button>`}
          <button type="button" class="remove" aria-label=${`Take back: ${name}`} onClick=${() => visit.takeBack(item)}>×</button>
        </li>`;
      })}
    </ul>
  </section>`;
}

/** The skipped items, each with a way back. */
function Skips({ skipped, visit }) {
  if (!skipped.size) return null;
  return html`<details class="rated-more">
    <summary>Skipped: ${skipped.size}</summary>
    <ul class="chips">
      ${[...skipped.values()].reverse().map((item) => {
        const name = visit.name(item);
        return html`<li key=${item.item_id}>
          <span>${name}</span>
          <button type="button" class="remove" aria-label=${`Do not skip: ${name}`} onClick=${() => visit.unskip(item)}>×</button>
        </li>`;
      })}
    </ul>
  </details>`;
}

function Waiting({ waiting }) {
  if (!waiting) return null;
  return html`<p class="soft" role="status">The service is busy. Trying again in ${Math.ceil(waiting.seconds)} s (${waiting.retry} of ${waiting.of}) …</p>`;
}

const visit = new Visit({ tiles: SMALL_SCREEN.matches ? 6 : 12, recommendations: RECOMMENDATIONS });
render(html`<${Onboarding} visit=${visit} />`, document.getElementById("onboarding"));
