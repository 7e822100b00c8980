import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type RunningServer, startServer } from "@spanloom/server";
import { findGo } from "@spanloom/toolchains";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { capture } from "../../bootstrap/run.mjs";
import { generateInto, goFolder, type Language, lackOf, languages, programsFor } from "../configurations.ts";

const root = path.resolve(import.meta.dirname, "..", "..", "..");

/** A program in each language that asks the server which jobs there are, and prints how many. */
const programs: Partial<Record<Language, { file: string; text: string; command: string[] }>> = {
  TypeScript: {
    file: "count.ts",
    text: `import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { JobService } from "./gen/spanloom/v1/job_service_pb.ts";

const transport = createConnectTransport({ httpVersion: "1.1", baseUrl: process.argv[2]! });
const { jobs } = await createClient(JobService, transport).listJobs({});
console.log(\`\${jobs.length} jobs\`);
`,
    command: [process.execPath, "count.ts"],
  },
  Python: {
    file: "count.py",
    text: `import sys, urllib.request
sys.path.insert(0, "gen")
from spanloom.v1 import job_service_pb2 as jobs

body = jobs.ListJobsRequest().SerializeToString()
url = sys.argv[1] + "/spanloom.v1.JobService/ListJobs"
post = urllib.request.Request(url, body, {"content-type": "application/proto"})
with urllib.request.urlopen(post) as answer:
    print(len(jobs.ListJobsResponse.FromString(answer.read()).jobs), "jobs")
`,
    command: ["python", "count.py"],
  },
  Go: {
    file: "main.go",
    text: `package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"connectrpc.com/connect"

	spanloomv1 "example.com/app/gen/spanloom/v1"
	"example.com/app/gen/spanloom/v1/spanloomv1connect"
)

func main() {
	client := spanloomv1connect.NewJobServiceClient(http.DefaultClient, os.Args[1])
	answer, err := client.ListJobs(context.Background(), connect.NewRequest(&spanloomv1.ListJobsRequest{}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(answer.Msg.GetJobs()), "jobs")
}
`,
    command: ["go", "run", "."],
  },
};

/** What a project in a language has beside its generated code. */
function prepare(folder: string, language: Language): void {
  if (language === "TypeScript") {
    writeFileSync(path.join(folder, "package.json"), `{ "type": "module" }`);
    symlinkSync(path.join(root, "packages", "testing", "node_modules"), path.join(folder, "node_modules"));
  }
  if (language === "Go") {
    const module = readFileSync(path.join(goFolder, "go.mod"), "utf8").replace(
      /^module .*$/m,
      "module example.com/app",
    );
    writeFileSync(path.join(folder, "go.mod"), module);
    copyFileSync(path.join(goFolder, "go.sum"), path.join(folder, "go.sum"));
  }
}

describe("docs/clients.md", () => {
  let server: RunningServer;
  let folder: string;

  beforeAll(async () => {
    server = await startServer({ dataDir: mkdtempSync(path.join(tmpdir(), "configurations-server-")), port: 0 });
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(path.join(tmpdir(), "configurations-")));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  for (const language of languages) {
    const lack = lackOf(language);
    const called = language in programs ? ", and the code calls a server" : "";
    it.skipIf(lack)(`has a configuration for ${language} that generates code${called} (P6)`, async () => {
      const env = programsFor(folder, language);
      await generateInto(folder, language, env);
      const made = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => !/^proto/.test(file));
      expect(made.filter((file) => /job_?service|spanloom\.v1\.rs/i.test(file))).not.toEqual([]);
      const program = programs[language];
      if (!program) return;
      prepare(folder, language);
      writeFileSync(path.join(folder, program.file), program.text);
      const [name, ...args] = program.command;
      const go = language === "Go" ? findGo(process.env, goFolder) : undefined;
      const executable = go && "program" in go ? go.program : name!;
      const { output } = await capture(executable, [...args, server.url], { cwd: folder, env });
      expect(output).toBe("0 jobs\n");
    });
  }
});
