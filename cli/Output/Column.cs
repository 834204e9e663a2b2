namespace Overture.Cli.Output;

/// <summary>
/// A column of a table. A plain text is one too: <c>p.Table(["CERTNAME", "STATE", Column.Wide("TRACE")], rows)</c>, where each row has a
/// cell for every column.
/// </summary>
/// <param name="Heading">In capitals.</param>
/// <param name="IsWide">Shown with -o wide alone.</param>
internal sealed record Column(string Heading, bool IsWide = false)
{
    public static Column Wide(string heading) => new(heading, IsWide: true);

    public static implicit operator Column(string heading) => new(heading);
}
