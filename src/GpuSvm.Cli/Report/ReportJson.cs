// SPDX-License-Identifier: MIT
using System.Text.Json.Serialization;

namespace GpuSvm.Cli.Report;

/// <summary>Generated serializers of everything the tool writes as JSON: snake_case names, indented.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(RunReport))]
[JsonSerializable(typeof(DoctorReport))]
[JsonSerializable(typeof(BenchReport))]
[JsonSerializable(typeof(ConformReport))]
[JsonSerializable(typeof(ExploreReport))]
[JsonSerializable(typeof(StressReport))]
[JsonSerializable(typeof(ReplayReport))]
[JsonSerializable(typeof(StudyReport))]
[JsonSerializable(typeof(AdviceReport))]
[JsonSerializable(typeof(ExplainReport))]
internal sealed partial class ReportJson : JsonSerializerContext;
