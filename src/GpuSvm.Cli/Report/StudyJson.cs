// SPDX-License-Identifier: MIT
using System.Text.Json.Serialization;
using GpuSvm.Lab.Studies;

namespace GpuSvm.Cli.Report;

/// <summary>The serializer of a study's rows: one line each, snake_case names.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(StudyRow))]
internal sealed partial class StudyJson : JsonSerializerContext;
