// SPDX-License-Identifier: MIT
namespace GpuSvm.Repository.Tests.Scan;

/// <summary>One type or member as the scanner found it.</summary>
/// <param name="Kind">"class", "struct", "interface", "enum", "record", "delegate", "field", "constant" or "member" (methods, properties, events, enum members).</param>
/// <param name="Name">Its name without type parameters; "this" for an indexer, ".ctor" for a constructor, "operator" for operators.</param>
/// <param name="Line">The line of its first token, from 1.</param>
/// <param name="Depth">How many types are around it.</param>
/// <param name="Modifiers">Its modifiers.</param>
/// <param name="Documentation">Its doc comment, null if there is none.</param>
/// <param name="Value">The constant after the equals sign of an enum member, if it is one number; else null.</param>
public sealed record Declaration(string Kind, string Name, int Line, int Depth, IReadOnlySet<string> Modifiers, string? Documentation, int? Value = null)
{
    /// <summary>Whether this is a type.</summary>
    public bool IsType => Kind is not ("field" or "constant" or "member");

    /// <summary>Whether this is a field that no other type can see; a name and the lock's doc comment say enough of it.</summary>
    public bool IsPrivateField => Kind is "field" or "constant" && !Modifiers.Overlaps(["public", "internal", "protected"]);
}
