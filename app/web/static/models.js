// The model page: which versions there are, which of them serve whom, how these do, and what can be done about it.

import { html, render, useEffect, useState } from "./vendor/htm-preact.js";
import { call, callForAll, messageOf } from "./api.js";
import { Dialog } from "./dialog.js";
import { measureTitle, moment, percent, withInterval } from "./formats.js";
import { RegisterForm, TrainForm, Trainings } from "./trainings.js";
import { Notice } from "./notice.js";

const LOADING_SECONDS = 300; // a model is loaded, checked and warmed before the answer
const VERSIONS = "/v1/model-versions";
const CHALLENGER = "/v1/model-traffic/challenger";
const pathOf = ({ version }) => `${VERSIONS}/${encodeURIComponent(version)}`;

function Models({ presets }) {
  const [versions, setVersions] = useState(null);
  const [waiting, setWaiting] = useState(false);
  const [problem, setProblem] = useState(null);
  const [announcement, setAnnouncement] = useState("");
  const [question, setQuestion] = useState(null);
  const [revision, setRevision] = useState(0); // of the trainings

  const reload = async () => {
    const listed = await callForAll(VERSIONS);
    const reported = async (each) => (each.traffic_percent ? { ...each, report: await call("GET", `${pathOf(each)}/report`) } : each);
    setVersions(await Promise.all(listed.map(reported)));
  };
  const attempt = async (work) => {
    setWaiting(true);
    try {
      await work();
      setProblem(null);
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setWaiting(false);
    }
  };
  useEffect(() => void attempt(reload), []);
  const change = (method, path, body, said) =>
    attempt(async () => {
      await call(method, path, { body, seconds: LOADING_SECONDS });
      await reload();
      setRevision((former) => former + 1);
      setAnnouncement(said);
    });

  const active = versions?.find((each) => each.active);
  const challenger = versions?.find((each) => !each.active && each.traffic_percent > 0);
  const former = versions?.find(({ version }) => version === active?.former_version);
  const ends = challenger ? ` The comparison with ${challenger.version} ends.` : "";
  const activate = (each, title) =>
    setQuestion({
      title,
      action: "Activate",
      text: `${each.version} serves all users from now on${active ? `, instead of ${active.version}` : ""}.${ends} Ratings and interactions stay.`,
      onDo: () => change("POST", `${pathOf(each)}:activate`, undefined, `${each.version} serves now.`),
    });
  const compare = (each) =>
    setQuestion({
      title: `Compare ${each.version} with ${active.version}?`,
      action: "Start the comparison",
      text: `It serves a share of the users, always the same ones. ${active.version} serves all others. This page then shows how both do.`,
      field: html`<div class="field"><label for="percent">Share of the users, in %</label><input id="percent" name="percent" type="number" min="0.01" max="99.99" step="any" defaultValue="10" required /></div>`,
      onDo: (data) => change("PUT", CHALLENGER, { version: each.version, percent: Number(data.get("percent")) }, `${each.version} is compared with ${active.version}.`),
    });
  const end = () =>
    setQuestion({
      title: `End the comparison with ${challenger.version}?`,
      action: "End the comparison",
      text: `${active.version} serves all users from now on. What was measured so far stays.`,
      onDo: () => change("DELETE", CHALLENGER, undefined, "The comparison has ended."),
    });

  return html`<div class="split">
    <section aria-labelledby="versions-title">
      <div class="list-head">
        <h2 id="versions-title">Versions</h2>
        ${challenger && html`<button type="button" class="button" disabled=${waiting} onClick=${end}>End the comparison</button>`}
        ${former && former !== challenger && html`<button type="button" class="button" disabled=${waiting} onClick=${() => activate(former, `Roll back to ${former.version}?`)}>Roll back to ${former.version}</button>`}
      </div>
      <${Notice} text=${problem} onRetry=${() => attempt(reload)} />
      ${versions?.length === 0 && html`<p class="soft">No version is registered yet. Register one here, or with <code>coldstart model register DIR</code>.</p>`}
      <ul class="cards">
        ${versions?.map((each) => html`<${Version} key=${each.version} each=${each} waiting=${waiting} active=${active} onActivate=${() => activate(each, `Activate ${each.version}?`)} onCompare=${() => compare(each)} />`)}
      </ul>
      <p class="visually-hidden" role="status">${announcement}</p>
      <${Trainings} revision=${revision} onChanged=${() => attempt(reload)} />
    </section>
    <div class="forms">
      ${active && html`<${TrainForm} presets=${presets} active=${active} onStart=${(body) => change("POST", "/v1/trainings", body, "The training is queued.")} />`}
      <${RegisterForm} onRegister=${(directory) => change("POST", VERSIONS, { directory }, "The version is registered.")} />
    </div>
    ${question && html`<${Dialog} title=${question.title} action=${question.action} onDo=${question.onDo} onClose=${() => setQuestion(null)}><p>${question.text}</p>${question.field}<//>`}
  </div>`;
}

function Version({ each, active, waiting, onActivate, onCompare }) {
  const serves = each.traffic_percent > 0;
  return html`<li class=${`panel card plain ${each.active ? "serving" : ""}`}>
    <div>
      <h3>${each.version}</h3>
      <p class="soft">preset ${each.preset} on ${each.data}</p>
    </div>
    <div class="actions">
      ${serves && html`<span class="status serving">${each.traffic_percent === 100 ? "serving" : `serving ${percent(each.traffic_percent)} of the users`}</span>`}
      ${!each.active && active && !serves && html`<button type="button" class="button small" disabled=${waiting} aria-label=${`Compare ${each.version}`} onClick=${onCompare}>Compare</button>`}
      ${!each.active && html`<button type="button" class="button small" disabled=${waiting} aria-label=${`Activate ${each.version}`} onClick=${onActivate}>Activate</button>`}
    </div>
    <dl class="facts">
      <div><dt>Ratings</dt><dd>${each.training_ratings.toLocaleString()}</dd></div>
      <div><dt>Users</dt><dd>${each.training_users.toLocaleString()}</dd></div>
      <div><dt>Items</dt><dd>${each.training_items.toLocaleString()}</dd></div>
      ${Object.entries(each.metrics).map(([name, value]) => html`<div><dt>${measureTitle(name)}</dt><dd>${value.toFixed(4)}</dd></div>`)}
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

const root = document.getElementById("models");
render(html`<${Models} presets=${JSON.parse(root.dataset.presets)} />`, root);
