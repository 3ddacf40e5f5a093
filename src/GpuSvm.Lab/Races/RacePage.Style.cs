// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Races;

/// <content>How a page looks.</content>
public static partial class RacePage
{
    /// <summary>How many colours locks have; more locks than that share them.</summary>
    private const int LockColors = 8;

    /// <summary>The style sheet: light and dark as the reader's system has it, and plain on paper.</summary>
    private const string Style = """
        :root { color-scheme: light dark; --bg: #fff; --fg: #1c2024; --dim: #68707a; --line: #dfe3e8; --head: #f3f5f7; --note: #e3edfb; --turn: #fdeecb; --turn-fg: #6b4a00;
          --bad: #b3141d; --bad-bg: #fde7e8; --new: #0a6b3d;
          --c0: #2f6fd0; --c1: #c2571a; --c2: #2b8a4b; --c3: #8d4bc0; --c4: #b08900; --c5: #c0397b; --c6: #168a96; --c7: #77614a; }
        @media (prefers-color-scheme: dark) { :root { --bg: #15181c; --fg: #e3e6ea; --dim: #949da8; --line: #2e343b; --head: #1e2329; --note: #1d3350; --turn: #40340f; --turn-fg: #f3d58a;
          --bad: #ff7b80; --bad-bg: #48191d; --new: #6fd39b;
          --c0: #6fa5f5; --c1: #f0925a; --c2: #65c486; --c3: #c08cf0; --c4: #e0bd45; --c5: #f07db4; --c6: #57c6d0; --c7: #b79d82; } }
        * { box-sizing: border-box; }
        body { margin: 0 auto; padding: 1.2em; max-width: 1700px; background: var(--bg); color: var(--fg); font: 14px/1.45 system-ui, sans-serif; }
        h1 { font-size: 1.45em; margin: 0 0 .3em; } h2 { font-size: 1.05em; margin: 1.4em 0 .4em; }
        p { margin: .3em 0; } a { color: inherit; } .dim { color: var(--dim); }
        code, pre { font: 12.5px/1.45 ui-monospace, monospace; } pre { background: var(--head); padding: .7em; margin: 0; overflow-x: auto; white-space: pre-wrap; }
        .message { color: var(--bad); font-weight: 600; white-space: pre-wrap; }
        .top { display: flex; flex-wrap: wrap; gap: 0 2.5em; } .top > div { flex: 1 1 24em; min-width: 0; } ol { margin: 0; padding-left: 1.6em; } li { margin: .15em 0; }
        .taken { color: var(--turn-fg); background: var(--turn); padding: 0 .3em; border-radius: 3px; }
        .bad { color: var(--bad); font-weight: 600; }
        .key { display: flex; flex-wrap: wrap; gap: .3em 1.6em; align-items: center; } .key span { white-space: nowrap; }
        .key i { display: inline-block; width: 8px; height: 1em; margin-right: .45em; vertical-align: -2px; border-radius: 2px; }
        .race { border: 1px solid var(--line); margin-top: .5em; font-size: 13px; }
        .row { display: grid; grid-template-columns: 3.4em repeat(var(--threads), minmax(13em, 1fr)) 10em 15em; }
        .row > * { padding: 1px 6px; border-left: 1px solid var(--line); position: relative; min-width: 0; overflow-wrap: anywhere; } .row > :first-child { border-left: 0; }
        .head { position: sticky; top: 0; z-index: 2; background: var(--head); font-weight: 600; border-bottom: 1px solid var(--line); } .head > * { padding: 5px 6px; }
        .no { color: var(--dim); text-align: right; font-size: 11px; line-height: 19px; } .no a { text-decoration: none; }
        .lane { padding-left: calc(18px + var(--deep) * 11px) !important; min-height: 21px; }
        .lane::before { content: ""; position: absolute; top: 0; bottom: 0; left: 7px; } .ready::before { border-left: 1px solid var(--dim); opacity: .8; } .running::before { border-left: 3px solid var(--fg); left: 6px; }
        .waiting::before { border-left: 3px dashed var(--dim); left: 6px; }
        .lane i { position: absolute; top: 0; bottom: 0; width: 8px; left: calc(16px + var(--at) * 11px); } .lane i.first { top: 3px; border-radius: 4px 4px 0 0; } .lane i.last { bottom: 3px; border-radius: 0 0 4px 4px; }
        .lock { padding: 0 .35em; border-radius: 3px; color: var(--bg); font-weight: 600; font-size: 12px; }
        .k0 { background: var(--c0); } .k1 { background: var(--c1); } .k2 { background: var(--c2); } .k3 { background: var(--c3); } .k4 { background: var(--c4); } .k5 { background: var(--c5); } .k6 { background: var(--c6); } .k7 { background: var(--c7); }
        .shared { opacity: .42; }
        .note { margin: 5px 0 1px; display: inline-block; background: var(--note); padding: 1px .5em; border-radius: 3px; font: 600 12.5px/1.45 ui-monospace, monospace; }
        .turn { background: var(--turn); color: var(--turn-fg); font-weight: 600; } .handover .lane { color: var(--dim); font-style: italic; } .whole { grid-column: 2 / -1; padding: 3px 8px !important; }
        .change { color: var(--new); font-weight: 600; font-size: 12px; } .change b { font-weight: 400; color: var(--dim); }
        .broke { background: var(--bad-bg); color: var(--bad); border: 2px solid var(--bad); font-weight: 600; } .broke .said { white-space: pre-wrap; }
        details > summary { list-style: none; cursor: pointer; } details > summary::-webkit-details-marker { display: none; } .folded { color: var(--dim); font-size: 12px; } .folded::before { content: "\25b8  "; }
        details[open] .folded::before { content: "\25be  "; } details[open] { background: var(--head); }
        @media print { body { max-width: none; padding: 0; font-size: 10px; } .race { font-size: 9px; } .head { position: static; } .row { break-inside: avoid; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
        """;
}
