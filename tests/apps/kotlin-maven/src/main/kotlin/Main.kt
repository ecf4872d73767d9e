import com.sun.net.httpserver.HttpServer
import java.net.InetSocketAddress

fun main() {
    val server = HttpServer.create(InetSocketAddress(System.getenv("PORT").toInt()), 0)
    server.createContext("/") { exchange ->
        val body = "Hello from Kotlin ${KotlinVersion.CURRENT.major}".toByteArray()
        exchange.sendResponseHeaders(200, body.size.toLong())
        exchange.responseBody.use { it.write(body) }
    }
    server.start()
}
