namespace Overture.Console.Services;

/// <summary>How many streams of events are open: each holds two of the Conductor's.</summary>
public sealed class OpenStreams
{
    private const int Most = 1_000, MostOfSession = 30;
    private readonly Lock gate = new();
    private readonly Dictionary<string, int> open = new(StringComparer.Ordinal);
    private int sum;

    /// <param name="session">Its nonce.</param>
    /// <returns>To be disposed of when the stream ends; null: there is no room.</returns>
    public IDisposable? Take(string session)
    {
        lock (gate)
        {
            var own = open.GetValueOrDefault(session);
            if (sum >= Most || own >= MostOfSession)
                return null;
            (open[session], sum) = (own + 1, sum + 1);
            return new Place(this, session);
        }
    }

    private void Leave(string session)
    {
        lock (gate)
        {
            sum--;
            if (--open[session] == 0)
                open.Remove(session);
        }
    }

    private sealed class Place(OpenStreams streams, string session) : IDisposable
    {
        private bool left;

        public void Dispose()
        {
            if (!left)
                streams.Leave(session);
            left = true;
        }
    }
}
