// SPDX-License-Identifier: MIT
namespace GpuSvm.Repository.Tests.Scan;

/// <summary>
/// Finds the types and members of a C# file by following its brackets. What stands inside bodies (local functions, accessors, lambdas) is skipped
/// whole, so it is never mistaken for a member.
/// </summary>
public sealed class DeclarationScanner
{
    private static readonly HashSet<string> _modifiers =
    [
        "public", "private", "protected", "internal", "file", "static", "sealed", "abstract", "partial", "readonly", "ref", "unsafe", "new", "virtual",
        "override", "extern", "async", "const", "volatile", "required", "fixed", "implicit", "explicit", "event", "scoped",
    ];

    private static readonly HashSet<string> _typeWords = ["class", "struct", "interface", "enum", "record", "delegate", "extension"];

    private readonly List<Token> _tokens;
    private readonly List<Declaration> _found = [];
    private int _at;

    private DeclarationScanner(string text) => _tokens = new Lexer(text).Run();

    /// <summary>All declarations of a file, outer before inner. Top-level statements are no declarations.</summary>
    /// <param name="text">The whole file.</param>
    public static IReadOnlyList<Declaration> Scan(string text)
    {
        DeclarationScanner scanner = new(text);
        scanner.ScanFile();
        return scanner._found;
    }

    private Token Current => _at < _tokens.Count ? _tokens[_at] : new Token("", _tokens.Count == 0 ? 1 : _tokens[^1].Line, false, null);

    private bool Is(string text, int ahead = 0) => _at + ahead < _tokens.Count && _tokens[_at + ahead].Text == text;

    /// <summary>Reads the file's level: usings, namespaces, types, and statements of a program without a class.</summary>
    private void ScanFile()
    {
        while (_at < _tokens.Count)
        {
            if (Is("global") || Is("using") || Is("extern"))
                SkipPast(";");
            else if (Is("namespace"))
            {
                while (_at < _tokens.Count && !Is(";") && !Is("{"))
                    _at++;
                _at++; // What stands in a block namespace is read as if it stood in the file; the closing brace is skipped below.
            }
            else if (Is("}"))
                _at++;
            else if (StartsType())
                ScanMember(depth: 0, owner: "");
            else
                SkipStatement();
        }
    }

    /// <summary>Whether a type declaration begins here, behind attributes and modifiers.</summary>
    private bool StartsType()
    {
        int start = _at;
        SkipAttributes();
        while (_modifiers.Contains(Current.Text))
            _at++;
        bool starts = IsTypeWord();
        _at = start;
        return starts;
    }

    /// <summary>Whether the current token opens a type declaration: a type word that is followed by what a type word is followed by.</summary>
    private bool IsTypeWord() => Current.IsWord && _typeWords.Contains(Current.Text) && Current.Text switch
    {
        "delegate" => !Is("*", 1) && !Is("(", 1),
        "extension" => Is("(", 1) || Is("<", 1),
        "record" => _at + 2 < _tokens.Count && _tokens[_at + 1].IsWord,
        _ => true,
    };

    /// <summary>Reads one declaration, and for a type what stands inside it.</summary>
    private void ScanMember(int depth, string owner)
    {
        string? documentation = Current.Documentation;
        int line = Current.Line;
        SkipAttributes();
        documentation ??= Current.Documentation;
        HashSet<string> modifiers = [];
        while (_modifiers.Contains(Current.Text) && Current.IsWord)
            modifiers.Add(_tokens[_at++].Text);
        if (IsTypeWord())
            ScanType(depth, line, modifiers, documentation);
        else
            ScanPlainMember(depth, owner, line, modifiers, documentation);
    }

    /// <summary>Reads a type from its type word to its end.</summary>
    private void ScanType(int depth, int line, HashSet<string> modifiers, string? documentation)
    {
        string kind = _tokens[_at++].Text;
        if (kind == "record" && (Is("struct") || Is("class")))
            _at++;
        if (kind == "delegate")
        {
            string delegateName = NameBeforeParenthesis();
            _found.Add(new Declaration(kind, delegateName, line, depth, modifiers, documentation));
            SkipPast(";");
            return;
        }

        string name = kind == "extension" ? "extension" : Current.Text;
        if (kind != "extension")
            _found.Add(new Declaration(kind, name, line, depth, modifiers, documentation));
        while (_at < _tokens.Count && !Is("{") && !Is(";"))
            SkipOneOrGroup();
        if (Is(";"))
        {
            _at++;
            return;
        }

        _at++;
        while (_at < _tokens.Count && !Is("}"))
        {
            if (kind == "enum")
                ScanEnumMember(depth + 1);
            else if (Is(";"))
                _at++;
            else
                ScanMember(depth + 1, name);
        }

        _at++;
        if (Is(";"))
            _at++;
    }

    /// <summary>Reads one member of an enum, up to its comma.</summary>
    private void ScanEnumMember(int depth)
    {
        string? documentation = Current.Documentation;
        int line = Current.Line;
        SkipAttributes();
        documentation ??= Current.Documentation;
        string name = Current.Text;
        int? value = Is("=", 1) && (Is(",", 3) || Is("}", 3)) && int.TryParse(_tokens[_at + 2].Text, out int number) ? number : null;
        _found.Add(new Declaration("member", name, line, depth, new HashSet<string>(), documentation, value));
        while (_at < _tokens.Count && !Is(",") && !Is("}"))
            SkipOneOrGroup();
        if (Is(","))
            _at++;
    }

    /// <summary>Reads a member that is not a type: field, constant, method, property, event, indexer, operator, constructor, finalizer.</summary>
    private void ScanPlainMember(int depth, string owner, int line, HashSet<string> modifiers, string? documentation)
    {
        string name = "";
        string kind = modifiers.Contains("const") ? "constant" : modifiers.Contains("event") ? "member" : "field";
        while (_at < _tokens.Count)
        {
            if (Is(";"))
            {
                _at++;
                break;
            }

            if (Is("operator"))
            {
                (name, kind) = ("operator", "member");
                while (_at < _tokens.Count && !Is("("))
                    _at++; // The operator itself may look like anything; "()" as an operator does not exist in C#.
            }
            else if (Is("("))
            {
                // A parenthesis behind a name makes it a method; before any name it is a tuple type.
                if (_tokens[_at - 1].IsWord && !_modifiers.Contains(_tokens[_at - 1].Text) || _tokens[_at - 1].Text == ">")
                    kind = "member";
                SkipOneOrGroup();
            }
            else if (Is("{"))
            {
                kind = "member";
                SkipOneOrGroup();
                if (Is("="))
                    SkipPast(";");
                break;
            }
            else if (Is("=>"))
            {
                kind = "member";
                SkipPast(";");
                break;
            }
            else if (Is("="))
            {
                SkipPast(";");
                break;
            }
            else if (Is("<"))
                SkipAngles();
            else
            {
                if (Current.IsWord && kind is "field" or "constant" && !Is("where"))
                    name = Current.Text;
                else if (Current.IsWord && modifiers.Contains("event"))
                    name = Current.Text;
                SkipOneOrGroup();
            }
        }

        _found.Add(new Declaration(kind, name == owner && kind == "member" ? ".ctor" : name, line, depth, modifiers, documentation));
    }

    /// <summary>The word right before the first parenthesis from here on.</summary>
    private string NameBeforeParenthesis()
    {
        string name = "";
        while (_at < _tokens.Count && !Is("(") && !Is(";"))
        {
            if (Is("<"))
            {
                SkipAngles();
                continue;
            }

            if (Current.IsWord)
                name = Current.Text;
            _at++;
        }

        return name;
    }

    /// <summary>Skips attribute lists.</summary>
    private void SkipAttributes()
    {
        while (Is("["))
            SkipOneOrGroup();
    }

    /// <summary>Skips one statement of a program without a class: up to a semicolon or over a block.</summary>
    private void SkipStatement()
    {
        while (_at < _tokens.Count && !Is(";") && !Is("{") && !Is("}"))
            SkipOneOrGroup();
        SkipOneOrGroup();
    }

    /// <summary>Skips over everything up to and with a mark, bracketed groups whole.</summary>
    private void SkipPast(string mark)
    {
        while (_at < _tokens.Count && !Is(mark))
            SkipOneOrGroup();
        _at++;
    }

    /// <summary>Skips a list of type arguments; only where types stand, so that every angle is a bracket.</summary>
    private void SkipAngles()
    {
        int depth = 0;
        do
        {
            depth += Is("<") ? 1 : Is(">") ? -1 : 0;
            SkipOneOrGroup();
        }
        while (_at < _tokens.Count && depth > 0);
    }

    /// <summary>Skips one token, or from an opening bracket over its closing one.</summary>
    private void SkipOneOrGroup()
    {
        int depth = 0;
        do
        {
            string text = _tokens[_at++].Text;
            depth += text is "(" or "[" or "{" ? 1 : text is ")" or "]" or "}" ? -1 : 0;
        }
        while (_at < _tokens.Count && depth > 0);
    }
}
