using System.Text.RegularExpressions;

namespace Overture.Platform.Tests;

internal sealed partial class DocReferences
{
    [GeneratedRegex(@"(^|/)(bin|obj|node_modules|artifacts|testdata|LICENSE|\.git[a-z]*|\.dockerignore)(/|$)")]
    private static partial Regex NotOurs();

    [GeneratedRegex(@"(?<page>\bthreats\b|\bpuppet-contracts\b)|(?<standard>\b(RFC|YAML) [\d.]+)|§(?<section>\d+(\.\d+)*)",
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex PageOrSection();

    [GeneratedRegex(@"^#+ (\d+(?:\.\d+)*)\.? ", RegexOptions.Multiline)]
    private static partial Regex NumberedHeading();

    // "| F01–F24 | …" stands for each of them.
    [GeneratedRegex(@"^\| ([TFI])(\d\d)(?:–[TFI](\d\d))? \|", RegexOptions.Multiline)]
    private static partial Regex IdRow();

    [GeneratedRegex(@"^\| (\d+) \|.*`Row", RegexOptions.Multiline)]
    private static partial Regex NumberRow();

    [GeneratedRegex(@"\brows? \d+(-\d+)?((, | and )\d+(-\d+)?)*")]
    private static partial Regex RowList();

    [GeneratedRegex(@"(\d+)(?:-(\d+))?")]
    private static partial Regex NumberRange();

    // No part of a time, a word or base64.
    [GeneratedRegex(@"(?<![A-Za-z0-9+/=-])[TFI]\d\d(?![A-Za-z0-9+/=:])|(?<=\b[TFI]\d\d-)[TFI]\d\d\b")]
    private static partial Regex Id();

    [GeneratedRegex(@"\bRow(\d\d)_")]
    private static partial Regex RowTest();

    [GeneratedRegex(@"(?<![\w./*-])\w[\w./-]*\.md\b")]
    private static partial Regex Page();

    [GeneratedRegex(@"docs/decisions/\d{4}(?![\w-])")]
    private static partial Regex ShortDecision();

    [GeneratedRegex(@"house style,? \d")]
    private static partial Regex HouseStyle();

    [GeneratedRegex(@"\]\(([^()\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex("<a id=\"([^\"]+)\">")]
    private static partial Regex AnchorTag();

    [GeneratedRegex(@"`((?:[A-Z]\w*\.)?[A-Z][A-Za-z0-9]*(?=\w*[a-z])_\w+|[A-Z]\w*Tests)`")]
    private static partial Regex TestName();

    [GeneratedRegex(@"\bclass (\w+)")]
    private static partial Regex Class();

    [GeneratedRegex(@"public (?:async )?(?:Task|void) (\w+)\(")]
    private static partial Regex Method();
}
