using Grpc.Core;
using Overture.Cli.Output;

namespace Overture.Cli.Hooks;

/// <summary>
/// What both hooks share. puppetserver waits for a hook without any limit of its own and logs its stderr line by line, so: two seconds in
/// total whatever happens, one line on stderr, and never success by accident.
/// </summary>
internal static class HookCall
{
    /// <summary>From start to exit.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Reserve = TimeSpan.FromMilliseconds(200), Pause = TimeSpan.FromMilliseconds(150);

    public static async Task<int> Run(string hook, string[] args, Func<string, CliConfig, CallOptions, Task<int>> act)
    {
        var subject = args.Length == 1 ? Printable.Line(args[0]) : "";
        // Name look-ups, a hung disk or a stdin that never ends obey no deadline: the process itself has one.
        var late = new Failure(ExitCodes.Timeout, "no answer within 2 seconds");
        using var last = new Timer(_ => Environment.Exit(Refuse(hook, subject, late)), null, Limit, Timeout.InfiniteTimeSpan);
        try
        {
            if (args is not [{ Length: > 0 } certname])
                throw Failure.Usage($"usage: {hook} CERTNAME");
            var config = CliConfig.ForHook(hook);
            var deadline = (TimeProvider.System.GetUtcNow() + Limit - Reserve).UtcDateTime;
            return await act(certname, config, new CallOptions(deadline: deadline));
        }
        catch (Failure failure)
        {
            return Refuse(hook, subject, failure);
        }
        catch (Exception e)
        {
            return Refuse(hook, subject, new Failure(ExitCodes.Internal, $"{e.GetType().Name}: {e.Message}"));
        }
    }

    /// <summary>The call, and once more where the service was just not there; both within the one deadline.</summary>
    public static async Task<T> Once<T>(CliConfig config, string key, string address, Func<CallInvoker, AsyncUnaryCall<T>> call)
    {
        using var connection = Connection.Open(config, address, key, TimeProvider.System);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await call(connection.Calls);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Unavailable && attempt == 1)
            {
                await Task.Delay(Pause);
            }
            catch (RpcException e)
            {
                throw RpcFailures.From(e, key, address);
            }
        }
    }

    private static int Refuse(string hook, string subject, Failure failure)
    {
        var why = failure.Reason.Length > 0 ? $" ({failure.Reason}{(failure.TraceId.Length > 0 ? $", trace {failure.TraceId}" : "")})" : "";
        Printer.Say($"{hook}{(subject.Length > 0 ? " " + subject : "")}: {failure.Message}{why}");
        return failure.Exit;
    }
}
