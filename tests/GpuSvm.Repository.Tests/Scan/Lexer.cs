// SPDX-License-Identifier: MIT
using System.Text;

namespace GpuSvm.Repository.Tests.Scan;

/// <summary>Cuts C# text into tokens, well enough to see declarations: it knows comments, directives and every form of string.</summary>
/// <param name="text">The whole file.</param>
public sealed class Lexer(string text)
{
    private readonly List<Token> _tokens = [];
    private readonly StringBuilder _documentation = new();
    private int _at;
    private int _line = 1;

    /// <summary>All tokens of the text, in order.</summary>
    public List<Token> Run()
    {
        while (_at < text.Length)
            Step();
        return _tokens;
    }

    /// <summary>Reads one token, comment, directive or space.</summary>
    private void Step()
    {
        char c = text[_at];
        if (c == '\n')
        {
            _line++;
            _at++;
        }
        else if (char.IsWhiteSpace(c) || c == '\uFEFF')
            _at++;
        else if (c == '#' && IsFirstOnLine())
            SkipLine();
        else if (Sees("///"))
            ReadDocumentation();
        else if (Sees("//"))
            SkipLine();
        else if (Sees("/*"))
            SkipTo(text.IndexOf("*/", _at + 2, StringComparison.Ordinal) + 2);
        else if (c == '\'')
            ReadLiteral("'", () => SkipQuoted('\'', verbatim: false, holes: false));
        else if (c is '"' or '$' or '@' && StringStart(out int quote, out int dollars, out bool verbatim))
            ReadLiteral("\"", () => SkipString(quote, dollars, verbatim));
        else if (char.IsLetterOrDigit(c) || c is '_' or '@')
            ReadWord();
        else
            Add(Sees("=>") ? "=>" : c.ToString(), isWord: false);
    }

    /// <summary>Whether a string begins here, and of which form.</summary>
    /// <param name="quote">The place of the first quote.</param>
    /// <param name="dollars">How many dollar signs stand before it.</param>
    /// <param name="verbatim">Whether an at sign does.</param>
    private bool StringStart(out int quote, out int dollars, out bool verbatim)
    {
        dollars = 0;
        verbatim = false;
        for (quote = _at; quote < text.Length && text[quote] is '$' or '@'; quote++)
        {
            dollars += text[quote] == '$' ? 1 : 0;
            verbatim |= text[quote] == '@';
        }

        return quote < text.Length && text[quote] == '"';
    }

    /// <summary>Skips a string of any form.</summary>
    private void SkipString(int quote, int dollars, bool verbatim)
    {
        int quotes = 0;
        while (quote + quotes < text.Length && text[quote + quotes] == '"')
            quotes++;
        _at = quote;
        if (quotes >= 3 && !verbatim)
        {
            string fence = new('"', quotes);
            int end = text.IndexOf(fence, quote + quotes, StringComparison.Ordinal) + quotes;
            while (end < text.Length && text[end] == '"')
                end++; // Quotes right before the fence belong to the string.
            SkipTo(end);
        }
        else
            SkipQuoted('"', verbatim, holes: dollars > 0);
    }

    /// <summary>Skips a literal between two equal quotes, and the code in its holes, if it may have some.</summary>
    private void SkipQuoted(char quote, bool verbatim, bool holes)
    {
        _at++;
        while (_at < text.Length)
        {
            char c = text[_at];
            bool doubled = _at + 1 < text.Length && text[_at + 1] == c;
            if (c == '\\' && !verbatim)
                _at += 2;
            else if (c == quote && verbatim && doubled)
                _at += 2;
            else if (c == quote)
            {
                _at++;
                return;
            }
            else if (holes && c == '{' && doubled)
                _at += 2;
            else if (holes && c == '{')
                SkipHole();
            else
            {
                _line += c == '\n' ? 1 : 0;
                _at++;
            }
        }
    }

    /// <summary>Skips the code between the braces of an interpolated string.</summary>
    private void SkipHole()
    {
        int first = _tokens.Count;
        int depth = 0;
        do
        {
            depth += text[_at] switch { '{' => 1, '}' => -1, _ => 0 };
            Step();
        }
        while (_at < text.Length && depth > 0);
        _tokens.RemoveRange(first, _tokens.Count - first);
    }

    /// <summary>Adds a token that stands for a literal, and skips the literal.</summary>
    private void ReadLiteral(string mark, Action skip)
    {
        int line = _line;
        string? documentation = TakeDocumentation();
        skip();
        _tokens.Add(new Token(mark, line, IsWord: false, documentation));
    }

    /// <summary>Reads an identifier, a keyword or a number.</summary>
    private void ReadWord()
    {
        int end = _at + 1;
        while (end < text.Length && (char.IsLetterOrDigit(text[end]) || text[end] == '_'))
            end++;
        Add(text[_at..end].TrimStart('@'), isWord: !char.IsDigit(text[_at]), length: end - _at);
    }

    /// <summary>Adds a token and goes past it.</summary>
    private void Add(string token, bool isWord, int length = 0)
    {
        _tokens.Add(new Token(token, _line, isWord, TakeDocumentation()));
        _at += length == 0 ? token.Length : length;
    }

    /// <summary>Adds the rest of a doc comment's line to what the next token will carry.</summary>
    private void ReadDocumentation()
    {
        int end = LineEnd();
        _documentation.Append(text, _at + 3, end - _at - 3).Append('\n');
        _at = end;
    }

    /// <summary>The doc comment gathered since the last token.</summary>
    private string? TakeDocumentation()
    {
        string? gathered = _documentation.Length == 0 ? null : _documentation.ToString();
        _documentation.Clear();
        return gathered;
    }

    /// <summary>Goes to the end of the line.</summary>
    private void SkipLine() => _at = LineEnd();

    /// <summary>Goes to a place, counting lines; to the end if the place is not beyond here.</summary>
    private void SkipTo(int place)
    {
        int end = place <= _at ? text.Length : place;
        _line += text.AsSpan(_at, end - _at).Count('\n');
        _at = end;
    }

    /// <summary>Where the line ends.</summary>
    private int LineEnd()
    {
        int end = text.IndexOf('\n', _at);
        return end < 0 ? text.Length : end;
    }

    /// <summary>Whether only spaces stand before this place on its line.</summary>
    private bool IsFirstOnLine()
    {
        int before = _at - 1;
        while (before >= 0 && text[before] is ' ' or '\t')
            before--;
        return before < 0 || text[before] == '\n';
    }

    /// <summary>Whether the text goes on with a mark.</summary>
    private bool Sees(string mark) => text.AsSpan(_at).StartsWith(mark, StringComparison.Ordinal);
}
