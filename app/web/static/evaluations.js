// The evaluation page: start evaluations, watch them, open their reports, compare two.

import { html, render, useEffect, useState } from "./vendor/htm-preact.js";
import { call, callForAll, messageOf } from "./api.js";
import { moment } from "./formats.js";
import { JobStatus, useJobs } from "./jobs.js";
import { Notice } from "./notice.js";

// What the states mean, for the form.
const STATES = {
  warm: "known users and items",
  user_cold: "new users, known items",
  item_cold: "known users, new items",
  user_and_item_cold: "new users and new items",
};

function Evaluations({ states, baselines, quickBaselines }) {
  const [versions, setVersions] = useState([]);
  const [chosen, setChosen] = useState([]);
  const [failure, setFailure] = useState(null);
  const [announcement, setAnnouncement] = useState("");
  const { jobs, problem, reload, more } = useJobs("/v1/evaluations", "evaluation_id", {
    revision: 0,
    onChanged: (job) => setAnnouncement(`The evaluation of ${job.model_version} is ${job.status}.`),
  });

  const attempt = async (work) => {
    try {
      await work();
      setFailure(null);
    } catch (error) {
      setFailure(messageOf(error));
    }
  };
  const loadVersions = () => attempt(async () => setVersions(await callForAll("/v1/model-versions")));
  useEffect(() => void loadVersions(), []);
  const retry = () => Promise.all([loadVersions(), reload()]);

  const start = (body) =>
    attempt(async () => {
      await call("POST", "/v1/evaluations", { body });
      await reload();
    });
  const cancel = (job) =>
    attempt(async () => {
      await call("DELETE", `/v1/evaluations/${job.evaluation_id}`);
      await reload();
    });
  const choose = (id, wanted) => setChosen(wanted ? [...chosen, id].slice(-2) : chosen.filter((each) => each !== id));

  return html`<div class="split">
    <section aria-labelledby="jobs-title">
      <div class="list-head">
        <h2 id="jobs-title">Evaluations</h2>
        ${chosen.length === 2
          ? html`<a class="button primary" href=${`/evaluations/compare?one=${chosen[0]}&other=${chosen[1]}`}>Compare the two</a>`
          : jobs?.filter(({ status }) => status === "succeeded").length > 1 && html`<span class="soft">Tick two to compare them.</span>`}
      </div>
      <${Notice} text=${problem ?? failure} onRetry=${retry} />
      ${jobs?.length === 0 && html`<p class="soft">There are no evaluations yet. One takes about ten seconds on MovieLens 1M.</p>`}
      <ul class="cards">
        ${jobs?.map((job) => html`<${Job} key=${job.evaluation_id} job=${job} chosen=${chosen.includes(job.evaluation_id)} onChoose=${choose} onCancel=${cancel} />`)}
      </ul>
      ${more && html`<button type="button" class="button older" onClick=${more}>Show older evaluations</button>`}
      <p class="visually-hidden" role="status">${announcement}</p>
    </section>
    <${Form} states=${states} baselines=${baselines} quickBaselines=${quickBaselines} versions=${versions} onStart=${start} />
  </div>`;
}

function Job({ job, chosen, onChoose, onCancel }) {
  const { evaluation_id: id, status, config } = job;
  const name = `${job.model_version}, ${moment(job.created_at)}`;
  return html`<li class="panel card">
    <input type="checkbox" aria-label=${`Compare ${name}`} checked=${chosen} disabled=${status !== "succeeded"} onChange=${(event) => onChoose(id, event.target.checked)} />
    <div>
      <h3>${job.model_version}</h3>
      <p class="soft">${moment(job.created_at)} · ${config.states.join(", ")} · seed ${config.seed}${config.steps ? ` · ${config.steps} steps` : ""}</p>
      ${job.error && html`<p class="soft">${job.error}</p>`}
    </div>
    <div class="actions">
      <${JobStatus} job=${job} name=${name} onCancel=${() => onCancel(job)} />
      ${status === "succeeded" && html`<a class="button small" href=${`/evaluations/${id}`} aria-label=${`Report of ${name}`}>Report</a>`}
    </div>
  </li>`;
}

function Form({ states, baselines, quickBaselines, versions, onStart }) {
  const [waiting, setWaiting] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const body = { states: form.getAll("states"), baselines: form.getAll("baselines"), seed: Number(form.get("seed")) };
    if (form.get("steps")) body.steps = Number(form.get("steps"));
    if (form.get("model_version")) body.model_version = form.get("model_version");
    setWaiting(true);
    await onStart(body);
    setWaiting(false);
  };
  const choices = (name, values, ticked, explained = {}) =>
    values.map(
      (value) => html`<div class="choice"><label><input type="checkbox" name=${name} value=${value} defaultChecked=${ticked(value)} aria-describedby=${explained[value] && `about-${value}`} />${value}</label>
        ${explained[value] && html`<span class="hint" id=${`about-${value}`}>${explained[value]}</span>`}</div>`,
    );
  return html`<form class="panel" onSubmit=${submit}>
    <h2>Start an evaluation</h2>
    <div class="field">
      <label for="model">Model</label>
      <select id="model" name="model_version">
        ${versions.map(({ version, active }) => html`<option value=${version} selected=${active}>${version}${active ? " (serving)" : ""}</option>`)}
      </select>
    </div>
    <fieldset><legend>States</legend>${choices("states", states, () => true, STATES)}</fieldset>
    <fieldset><legend>Baselines beside it</legend>${choices("baselines", baselines, (name) => quickBaselines.includes(name))}</fieldset>
    <div class="pair">
      <div class="field"><label for="seed">Seed</label><input id="seed" name="seed" type="number" min="0" max="4294967295" step="1" defaultValue="0" required /></div>
      <div class="field"><label for="steps">Local steps</label><input id="steps" name="steps" type="number" min="1" max="100" step="1" placeholder="preset’s" aria-describedby="steps-hint" /></div>
    </div>
    <p class="hint" id="steps-hint">A model that adapts in closed form has no local steps.</p>
    <button class="button primary" disabled=${waiting}>Start the evaluation</button>
  </form>`;
}

const root = document.getElementById("evaluations");
const { states, baselines, quickBaselines } = root.dataset;
render(html`<${Evaluations} states=${JSON.parse(states)} baselines=${JSON.parse(baselines)} quickBaselines=${JSON.parse(quickBaselines)} />`, root);
