// The model page: which versions there are, which of them serve whom, and how these do.

import { html, render, useEffect, useState } from "./vendor/htm-preact.js";
import { Problem, call } from "./api.js";

function Models() {
  const [versions, setVersions] = useState(null);
  const [waiting, setWaiting] = useState(false);
  const [problem, setProblem] = useState(null);
  const [announcement, setAnnouncement] = useState("");

  const reload = async () => {
    const { items } = await call("GET", "/v1/model-versions", { params: { limit: 500 } });
    const reported = async (each) =>
      each.traffic_percent ? { ...each, report: await call("GET", `/v1/model-versions/${encodeURIComponent(each.version)}/report`) } : each;
    setVersions(await Promise.all(items.map(reported)));
  };
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
    ${versions?.length === 0 && html`<p class="soft">No version is registered. Register one with <code>coldstart model register DIR</code>.</p>`}
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
      ${each.traffic_percent > 0 && html`<span class="status serving">${each.traffic_percent === 100 ? "serving" : `serving ${percent(each.traffic_percent)} of the users`}</span>`}
      ${!each.active &&
        html`<button type="button" class="button small" disabled=${waiting} aria-label=${`Activate ${each.version}`} onClick=${() => onActivate(each)}>Activate</button>`}
    </div>
    <dl class="facts">
      <div><dt>Ratings</dt><dd>${each.training_ratings.toLocaleString()}</dd></div>
      <div><dt>Users</dt><dd>${each.training_users.toLocaleString()}</dd></div>
      <div><dt>Items</dt><dd>${each.training_items.toLocaleString()}</dd></div>
      ${Object.entries(each.metrics).map(([name, value]) => html`<div><dt>${name.replaceAll("_", " ")}</dt><dd>${value.toFixed(4)}</dd></div>`)}
      ${each.research_twin && html`<div><dt>Figures of its twin</dt><dd class="version">${each.research_twin}</dd></div>`}
      <div><dt>Trained</dt><dd>${moment(each.created_at)}</dd></div>
      ${each.activated_at && html`<div><dt>Last activated</dt><dd>${moment(each.activated_at)}</dd></div>`}
      ${each.report?.users > 0 && html`<${Report} report=${each.report} />`}
    </dl>
  </li>`;
}

/** The report on a version: see `GET /v1/model-versions/{version}/report`. */
function Report({ report }) {
  return html`
    <div><dt>Users so far</dt><dd>${report.users.toLocaleString()}</dd></div>
    ${report.click_rate && html`<div><dt>Clicks per showing</dt><dd>${withInterval(report.click_rate, (share) => percent(100 * share))}</dd></div>`}
    ${report.mae && html`<div><dt>Online MAE</dt><dd>${withInterval(report.mae, (error) => error.toFixed(3))}</dd></div>`}
  `;
}

const percent = (value) => `${value.toLocaleString(undefined, { maximumSignificantDigits: 3 })} %`;
const withInterval = ({ value, low, high }, text) => text(value) + (low === null ? "" : ` (${text(low)} to ${text(high)})`);

/** The version that was activated last before the one that serves. */
function formerlyServing(versions) {
  const others = versions.filter(({ active, activated_at }) => !active && activated_at);
  return others.sort((one, other) => other.activated_at.localeCompare(one.activated_at))[0];
}

const moment = (text) => new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

render(html`<${Models} />`, document.getElementById("models"));
