using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Overture.Console.Layout;

/// <summary>A form that is not taken: not ours, or a field is not as it must be.</summary>
public sealed class FormException(string message) : Exception(message);

/// <summary>The one way to read a form: it must have come from one of our pages, in this session.</summary>
internal static class Forms
{
    public const int LongestReason = 500;

    /// <exception cref="FormException">Its token is not this session's.</exception>
    public static async Task<IFormCollection> Read(HttpContext http)
    {
        if (!http.Request.HasFormContentType)
            throw new FormException("This is taken from a form of these pages only.");
        try
        {
            await http.RequestServices.GetRequiredService<IAntiforgery>().ValidateRequestAsync(http);
        }
        catch (AntiforgeryValidationException e) when (e.InnerException is IOException or InvalidDataException)
        {
            throw new FormException("The form can't be read: it has more bytes than are taken here, or it broke off.");
        }
        catch (AntiforgeryValidationException)
        {
            throw new FormException("The form was not of this session.");
        }
        return await http.Request.ReadFormAsync(http.RequestAborted);
    }

    /// <summary>The reason that a person gave.</summary>
    /// <exception cref="FormException">There is none, or it is too long.</exception>
    public static string Reason(IFormCollection form) => form["reason"].ToString().Trim() is { Length: > 0 and <= LongestReason } reason
        ? reason : throw new FormException($"A reason of 1 to {LongestReason} characters is needed: it is kept in the records.");
}
