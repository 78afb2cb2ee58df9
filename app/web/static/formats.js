// Numbers and times as people read them.

export const moment = (text) => new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
export const percent = (value) => `${value.toLocaleString(undefined, { maximumSignificantDigits: 3 })} %`;
export const withInterval = ({ value, low, high }, text) => text(value) + (low === null ? "" : ` (${text(low)} to ${text(high)})`);

/** `validation_mae` as "Validation MAE". */
export function measureTitle(name) {
  const words = name.split("_").map((word) => ({ mae: "MAE", rmse: "RMSE", ndcg: "nDCG", nll: "NLL" })[word] ?? word);
  const title = words.join(" ");
  return title[0].toUpperCase() + title.slice(1);
}
