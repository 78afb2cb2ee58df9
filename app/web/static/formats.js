// Numbers and times as people read them.

export const moment = (text) => new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
export const percent = (value) => `${value.toLocaleString(undefined, { maximumSignificantDigits: 3 })} %`;
export const withInterval = ({ value, low, high }, text) => text(value) + (low === null ? "" : ` (${text(low)} to ${text(high)})`);
