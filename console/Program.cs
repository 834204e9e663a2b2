return await Overture.Console.ConsoleHost.Run(args);
