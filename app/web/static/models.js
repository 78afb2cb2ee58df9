// The model page: which versions there are, and which one serves.

import { html, render, useEffect, useState } from "./vendor/htm-preact.js";
import { Problem, call } from "./api.js";

function Models() {
  const [versions, setVersions] = useState(null);
  const [waiting, setWaiting] = useState(false);
  const [problem, setProblem] = useState(null);
  const [announcement, setAnnouncement] = useState("");

  const reload = async () => setVersions((await call("GET", "/v1/model-versions", { params: { limit: 500 } })).items);
  const attempt = async (work) => {
    setWaiting(true);
    try {
      await work();
      setProblem(null);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error.message);
    } finally {
      setWaiting(false);
    }
  };
  useEffect(() => void attempt(reload), []);
  const activate = ({ version }) =>
    attempt(async () => {
      await call("POST", `/v1/model-versions/${encodeURIComponent(version)}:activate`);
      await reload();
      setAnnouncement(`${version} serves now.`);
    });

  const former = versions && formerlyServing(versions);
  return html`
    <div class="list-head">
      <h2>Versions</h2>
      ${former && html`<button type="button" class="button" disabled=${waiting} onClick=${() => activate(former)}>Roll back to ${former.version}</button>`}
    </div>
    ${problem && html`<p class="notice" role="alert">${problem}</p>`}
    ${versions?.length === 0 && html`<p class="soft">None is registered: <code>coldstart model register DIR</code>.</p>`}
    <ul class="cards">
      ${versions?.map((each) => html`<${Version} key=${each.version} each=${each} waiting=${waiting} onActivate=${activate} />`)}
    </ul>
    <p class="visually-hidden" role="status">${announcement}</p>
  `;
}

function Version({ each, waiting, onActivate }) {
  return html`<li class=${`panel card plain ${each.active ? "serving" : ""}`}>
    <div>
      <h3>${each.version}</h3>
      <p class="soft">preset ${each.preset} on ${each.data}</p>
    </div>
    <div class="actions">
      ${each.active
        ? html`<span class="status serving">serving</span>`
        : html`<button type="button" class="button small" disabled=${waiting} aria-label=${`Activate ${each.version}`} onClick=${() => onActivate(each)}>Activate</button>`}
    </div>
    <dl class="facts">
      <div><dt>Ratings</dt><dd>${each.training_ratings.toLocaleString()}</dd></div>
      <div><dt>Users</dt><dd>${each.training_users.toLocaleString()}</dd></div>
      <div><dt>Items</dt><dd>${each.training_items.toLocaleString()}</dd></div>
      ${Object.entries(each.metrics).map(([name, value]) => html`<div><dt>${name.replaceAll("_", " ")}</dt><dd>${value.toFixed(4)}</dd></div>`)}
      <div><dt>Trained</dt><dd>${moment(each.created_at)}</dd></div>
      ${each.activated_at && html`<div><dt>Last activated</dt><dd>${moment(each.activated_at)}</dd></div>`}
    </dl>
  </li>`;
}

/** The version that was activated last before the one that serves. */
function formerlyServing(versions) {
  const others = versions.filter(({ active, activated_at }) => !active && activated_at);
  return others.sort((one, other) => other.activated_at.localeCompare(one.activated_at))[0];
}

const moment = (text) => new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

render(html`<${Models} />`, document.getElementById("models"));
