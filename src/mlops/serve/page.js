const form = document.getElementById("row"), answer = document.getElementById("answer");

function value(field) {
  if (field.value === "") return null;
  if (field.dataset.kind === "number") return Number(field.value);
  return field.dataset.kind === "boolean" ? field.value === "true" : field.value;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const row = Object.fromEntries([...form.elements].filter((field) => field.name).map((field) => [field.name, value(field)]));
  try {
    const sent = await fetch("/predict", {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(row),
    });
    const said = await sent.json();
    answer.className = sent.ok ? "" : "refused";
    answer.textContent = sent.ok
      ? [
          `score ${said.score.toPrecision(6)}`, `decision ${said.decision}${answer.dataset.means}`,
          ...Object.entries(said.scores ?? {}).map(([name, score]) => `  ${name} ${score.toPrecision(6)}`),
          ...(said.warnings ?? []).map((name) => `warning: ${name} is not as the contract says`),
          `request ${said.request_id}`,
        ].join("\n")
      : said.faults.map((fault) => `${fault.field}: ${fault.message}`).join("\n") || said.error;
  } catch (error) {
    answer.className = "refused";
    answer.textContent = `no answer: ${error.message}`;
  }
});
