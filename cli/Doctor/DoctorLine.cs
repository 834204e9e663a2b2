using Google.Protobuf.WellKnownTypes;

namespace Overture.Cli.Doctor;

/// <summary>How a check ended.</summary>
internal enum DoctorStatus
{
    Ok,

    /// <summary>It works, and a person should look at it.</summary>
    Warning,

    /// <summary>It does not work.</summary>
    Failed,

    /// <summary>It was not tried; the detail says why.</summary>
    Skipped,
}

/// <summary>One check and how it ended.</summary>
/// <param name="Area">What it belongs to: "you", "services", "bucket", "registry", "certificates", "provider", "fleet",
/// "launch", "trial", "puppetserver".</param>
/// <param name="Check">What was looked at, in two or three words.</param>
/// <param name="Status">How it ended.</param>
/// <param name="Detail">One sentence.</param>
/// <param name="Next">What mends it: a sentence or a command; empty: nothing is to be done.</param>
/// <param name="Took">How long it took; zero: that says nothing.</param>
internal sealed record DoctorLine(string Area, string Check, DoctorStatus Status, string Detail, string Next = "", TimeSpan Took = default)
{
    /// <summary>"ok", "warn", "fail" or "skip".</summary>
    public string Word => Status switch
    {
        DoctorStatus.Ok => "ok",
        DoctorStatus.Warning => "warn",
        DoctorStatus.Failed => "fail",
        _ => "skip",
    };

    /// <summary>A check that ended in a failure of the command line's own kind.</summary>
    public static DoctorLine Of(string area, string check, Failure failure, TimeSpan took = default) =>
        new(area, check, DoctorStatus.Failed, failure.Message, failure.Next, took);

    /// <summary>For programs: a list of them.</summary>
    public static Value Document(IEnumerable<DoctorLine> lines) => Value.ForList([.. lines.Select(l => Value.ForStruct(new Struct
    {
        Fields =
        {
            ["area"] = Value.ForString(l.Area),
            ["check"] = Value.ForString(l.Check),
            ["status"] = Value.ForString(l.Word),
            ["detail"] = Value.ForString(l.Detail),
            ["next"] = Value.ForString(l.Next),
            ["seconds"] = Value.ForNumber(Math.Round(l.Took.TotalSeconds, 3)),
        },
    }))]);
}
