using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Faults;

namespace Overture.Platform.Rpc;

/// <summary>Times and durations of a request: protobuf lets a client send ones that are none.</summary>
public static class MessageTimes
{
    /// <param name="time">As it came; null: unset.</param>
    /// <param name="field">For the error.</param>
    /// <exception cref="FaultException">INVALID_FIELD: outside of the years 1-9999, or its nanos are not 0-999,999,999.</exception>
    public static DateTimeOffset? Read(Timestamp? time, string field)
    {
        try
        {
            return time?.ToDateTimeOffset();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentOutOfRangeException)
        {
            throw FaultException.Invalid(field, "must be a time of the years 1-9999, with nanos of 0-999999999");
        }
    }

    /// <inheritdoc cref="Read(Timestamp?, string)"/>
    /// <exception cref="FaultException">INVALID_FIELD: beyond 10,000 years, or seconds and nanos contradict each other.</exception>
    public static TimeSpan? Read(Duration? duration, string field)
    {
        try
        {
            return duration?.ToTimeSpan();
        }
        catch (Exception e) when (e is InvalidOperationException or OverflowException)
        {
            throw FaultException.Invalid(field, "must be a duration of at most 10000 years, seconds and nanos of the same sign");
        }
    }
}
