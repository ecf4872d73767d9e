defmodule Hello do
  use Application

  def start(_type, _args) do
    port = String.to_integer(System.get_env("PORT", "8080"))
    {:ok, listener} = :gen_tcp.listen(port, [:binary, packet: :http_bin, active: false, reuseaddr: true])
    Supervisor.start_link([{Task, fn -> accept(listener) end}], strategy: :one_for_one)
  end

  defp accept(listener) do
    {:ok, socket} = :gen_tcp.accept(listener)
    headers(socket)
    body = "Hello from Elixir"
    :gen_tcp.send(socket, "HTTP/1.1 200 OK\r\ncontent-length: #{byte_size(body)}\r\nconnection: close\r\n\r\n#{body}")
    :gen_tcp.close(socket)
    accept(listener)
  end

  defp headers(socket) do
    case :gen_tcp.recv(socket, 0) do
      {:ok, :http_eoh} -> :ok
      {:ok, _line} -> headers(socket)
      {:error, _reason} -> :ok
    end
  end
end
