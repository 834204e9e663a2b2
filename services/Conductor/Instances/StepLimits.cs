using Overture.Records.V1;

namespace Overture.Conductor.Instances;

/// <summary>How long each step of a launch may take: as the launch has it, else the default.</summary>
internal static class StepLimits
{
    /// <summary>From the launch until it runs.</summary>
    public static TimeSpan Running(LaunchRecord launch) => Of(launch.RunningSeconds, TimeSpan.FromMinutes(10));

    /// <summary>From then until its certificate request.</summary>
    public static TimeSpan Csr(LaunchRecord launch) => Of(launch.CsrSeconds, TimeSpan.FromMinutes(30));

    /// <summary>From its certificate until the first good run.</summary>
    public static TimeSpan Converged(LaunchRecord launch) => Of(launch.ConvergedSeconds, TimeSpan.FromMinutes(60));

    private static TimeSpan Of(uint seconds, TimeSpan usual) => seconds == 0 ? usual : TimeSpan.FromSeconds(seconds);
}
