// SPDX-License-Identifier: MIT
using System.Text.Json.Serialization;

namespace GpuSvm.Cli.Watch;

/// <summary>Generated serializers of the monitor's answers and of `gpusvm top --json`: snake_case names, one line.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = false)]
[JsonSerializable(typeof(WatchedFrame))]
[JsonSerializable(typeof(TopFrame))]
internal sealed partial class WatchJson : JsonSerializerContext;
