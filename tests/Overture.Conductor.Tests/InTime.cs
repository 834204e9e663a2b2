using Grpc.Core;
using Overture.Conductor.V1;

namespace Overture.Conductor.Tests;

/// <summary>Calls whose deadline the Conductor answers before, by a second or so that a busy machine may need for something else.</summary>
internal static class InTime
{
    /// <summary>Terminates; where the deadline was the first, again, which is the same request.</summary>
    /// <param name="client">Of the caller.</param>
    /// <param name="name">The instance.</param>
    /// <param name="deadline">Seconds.</param>
    public static async Task<TerminateInstanceResponse> Terminate(ConductorService.ConductorServiceClient client, string name, int deadline)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await client.TerminateInstanceAsync(new() { Certname = name },
                    deadline: TimeProvider.System.GetUtcNow().AddSeconds(deadline).UtcDateTime);
            }
            catch (RpcException late) when (late.StatusCode == StatusCode.DeadlineExceeded && tries < 10)
            {
                // once more
            }
        }
    }
}
