// SPDX-License-Identifier: MIT
using System.Security;

namespace GpuSvm.Lab.Wording;

/// <summary>Text for pages.</summary>
public static class Html
{
    /// <summary>Text as HTML and XML have it.</summary>
    /// <param name="text">Any text.</param>
    /// <returns>The same with special characters escaped, and with those that XML cannot have replaced.</returns>
    public static string Escape(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Any(character => character < ' ' && character is not ('\n' or '\t')))
            text = string.Concat(text.Replace("\r\n", "\n", StringComparison.Ordinal).Select(character => character < ' ' && character is not ('\n' or '\t') ? '\uFFFD' : character));
        return SecurityElement.Escape(text);
    }
}
