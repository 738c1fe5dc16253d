// The AI SDK of Vercel: an agent that calls a tool and answers, a streamed answer, an embedding, and a model that fails.
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { createOpenAI } from "@ai-sdk/openai";
import { embed, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const url = `${process.argv[2]}/v1/traces`;
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "weather-service", "service.version": "2.3.1" }),
  spanProcessors: [ProtobufExporter, JsonExporter].map(
    (Exporter) => new BatchSpanProcessor(new Exporter({ url }), { scheduledDelayMillis: 60_000 }),
  ),
});
provider.register();

const openai = createOpenAI({ baseURL: process.env.OPENAI_BASE_URL, apiKey: "none" });
const experimental_telemetry = { isEnabled: true, functionId: "weather_guide", metadata: { sessionId: "session-1" } };
const request = { prompt: "What is the weather in Berlin?", experimental_telemetry, maxRetries: 0 };
const model = openai.chat("gpt-5-mini");
const weather = tool({
  description: "The weather of a city",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `Sunny in ${city}`,
});

await generateText({ ...request, model, tools: { weather }, stopWhen: stepCountIs(3) });
for await (const _ of streamText({ ...request, model }).textStream);
await embed({ model: openai.textEmbeddingModel("text-embedding-3-small"), value: "Berlin", experimental_telemetry });
await generateText({ ...request, model: openai.chat("gpt-unavailable") }).catch(() => undefined);
await provider.shutdown();
