import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { cliText, curlText, linkText, replayText, shellWord } from "./copy-text.ts";

const place = {
  origin: "http://127.0.0.1:7171",
  jobId: "0198c0de-0000-7000-8000-00000000cafe",
  spanId: "00000000000000ff",
};

it.each(["it's $HOME `id`", "a;b", "", "\\n", "plain-1.2"])("a shell reads %j as it was", (text) => {
  expect(execFileSync("sh", ["-c", `printf %s ${shellWord(text)}`]).toString()).toBe(text);
});

it("curl sends one framed message", () => {
  const printf = curlText({ ...place, jobId: "ö'; exit 3" }).split(" | curl")[0] ?? "";
  const sent = execFileSync("sh", ["-c", printf]);
  expect([sent[0], sent.readUInt32BE(1)]).toEqual([0, sent.length - 5]);
  expect(JSON.parse(sent.subarray(5).toString())).toEqual({
    filter: { jobIds: ["ö'; exit 3"], spanIds: [place.spanId] },
  });
});

it("the command line and the link name the job and the span", () => {
  expect(cliText(place)).toBe(
    `spanloom --url http://127.0.0.1:7171 spans ${place.jobId} --span ${place.spanId} --format jsonl`,
  );
  expect(linkText(place)).toBe(`http://127.0.0.1:7171/jobs/${place.jobId}/waterfall?span=${place.spanId}`);
});

it("a task is replayed at the server that it is of", () => {
  const taskId = "01a1ffc1-e86e-7000-ae47-64df76fd1459";
  const text = replayText({ origin: "http://127.0.0.1:7171", taskId });
  expect(text).toBe(`spanloom --url http://127.0.0.1:7171 task replay ${taskId} tasks.ts`);
});
