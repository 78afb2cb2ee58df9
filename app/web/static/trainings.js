// Getting a new model version: by training one, or by registering one that was trained elsewhere.

import { html, useState } from "./vendor/htm-preact.js";
import { call, messageOf } from "./api.js";
import { moment } from "./formats.js";
import { JobStatus, useJobs } from "./jobs.js";
import { Notice } from "./notice.js";

/** The trainings, newest first; `onChanged` is called when the status of one has changed. */
export function Trainings({ revision, onChanged }) {
  const { jobs, problem, reload, more } = useJobs("/v1/trainings", "training_id", { revision, onChanged });
  const [failure, setFailure] = useState(null);
  const cancel = async ({ training_id }) => {
    try {
      await call("DELETE", `/v1/trainings/${training_id}`);
      setFailure(null);
    } catch (error) {
      setFailure(messageOf(error));
    }
    await reload();
  };
  if (!problem && !jobs?.length) return null;
  return html`<section class="trainings" aria-labelledby="trainings-title">
    <h2 id="trainings-title">Trainings</h2>
    <${Notice} text=${problem ?? failure} onRetry=${reload} />
    <ul class="cards">
      ${jobs?.map((job) => html`<li key=${job.training_id} class="panel card plain">
        <div>
          <h3>Preset ${job.preset}</h3>
          <p class="soft">${moment(job.created_at)} · ${job.with_data_set ? "on the ratings here and the data set" : "on the ratings here"}${job.activate ? " · activated if it is better" : ""}</p>
          ${job.error && html`<p class="soft">${job.error}</p>`}
        </div>
        <div class="actions"><${JobStatus} job=${job} name=${`the training of ${moment(job.created_at)}`} onCancel=${() => cancel(job)} /></div>
      </li>`)}
    </ul>
    ${more && html`<button type="button" class="button" onClick=${more}>Show older trainings</button>`}
  </section>`;
}

/** A form that starts a training; `onStart` is given the request. */
export function TrainForm({ presets, active, onStart }) {
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const body = { with_data_set: form.has("with_data_set"), activate: form.has("activate") };
    if (form.get("preset")) body.preset = form.get("preset");
    if (form.get("epochs")) body.epochs = Number(form.get("epochs"));
    onStart(body);
  };
  return html`<form class="panel" onSubmit=${submit}>
    <h2>Train a new version</h2>
    <p class="hint">It is trained on the ratings and interactions that this service has collected, compared with ${active.version} on users it has not seen, and registered.</p>
    <div class="field"><label for="preset">Preset</label><select id="preset" name="preset">
        <option value="">as now (${active.preset})</option>
        ${presets.map((preset) => html`<option value=${preset}>${preset}</option>`)}
      </select></div>
    <div class="field"><label for="epochs">Epochs</label><input id="epochs" name="epochs" type="number" min="1" max="1000" step="1" placeholder="preset’s" /></div>
    <fieldset>
      <legend class="visually-hidden">Options</legend>
      <label class="choice"><input type="checkbox" name="with_data_set" defaultChecked />Also on the data set</label>
      <label class="choice"><input type="checkbox" name="activate" />Activate it if it is better</label>
    </fieldset>
    <button class="button primary">Start the training</button>
  </form>`;
}

/** A form that registers an artifact; `onRegister` is given its directory. */
export function RegisterForm({ onRegister }) {
  const submit = (event) => {
    event.preventDefault();
    onRegister(new FormData(event.currentTarget).get("directory"));
  };
  return html`<form class="panel" onSubmit=${submit}>
    <h2>Register a model</h2>
    <p class="hint">One that <code>coldstart train</code> has made. It serves nobody until it is activated.</p>
    <div class="field"><label for="directory">Directory on the server</label><input id="directory" name="directory" type="text" maxlength="1000" autocomplete="off" required /></div>
    <button class="button">Register</button>
  </form>`;
}
