namespace Overture.Cli;

/// <summary>Every exit code of overture and its hooks; docs/cli.md lists them for people.</summary>
internal static class ExitCodes
{
    public const int Ok = 0;

    /// <summary>It was done and did not succeed: an instance failed, a service is not serving, a hook refuses.</summary>
    public const int Failed = 1;

    /// <summary>Wrong arguments, a wrong file, or a field that the service refuses: the same command will fail again.</summary>
    public const int Usage = 2;

    public const int NotFound = 3;

    /// <summary>The certificate's role may not do this.</summary>
    public const int Denied = 4;

    /// <summary>The service does not answer, or can't reach its store. Nothing is lost, try again.</summary>
    public const int Unavailable = 5;

    /// <summary>The state forbids it, or it was changed in between.</summary>
    public const int Conflict = 6;

    /// <summary>The time given was not enough.</summary>
    public const int Timeout = 7;

    /// <summary>A bug, here or in the service (EX_SOFTWARE).</summary>
    public const int Internal = 70;

    /// <summary>No usable configuration, certificate or key (EX_CONFIG).</summary>
    public const int Config = 78;

    /// <summary>128 + SIGINT.</summary>
    public const int Interrupted = 130;

    /// <summary>128 + SIGTERM.</summary>
    public const int Terminated = 143;

    /// <summary>All of them, for help: code and meaning, a line each.</summary>
    public static IReadOnlyList<string> Meanings { get; } =
    [
        "0    done",
        "1    done and not well: an instance failed, a service does not serve, a dry run would be refused",
        "2    wrong arguments, a wrong file, or a field that the service refuses",
        "3    not found",
        "4    the certificate's role may not do this",
        "5    the service does not answer or can't reach its store; nothing is lost, try again",
        "6    conflict: the state forbids it, or it was changed in between",
        "7    not finished in the time given; the work may go on",
        "70   a bug, here or in the service",
        "78   no usable configuration, certificate or key",
        "130  interrupted (143: terminated)",
    ];
}
